<?xml version="1.0" encoding="UTF-8"?>
<StyledLayerDescriptor xmlns="http://www.opengis.net/sld" xmlns:gml="http://www.opengis.net/gml" xmlns:ogc="http://www.opengis.net/ogc" version="1.0.0" xmlns:sld="http://www.opengis.net/sld">
  <UserLayer>
    <sld:LayerFeatureConstraints>
      <sld:FeatureTypeConstraint/>
    </sld:LayerFeatureConstraints>
    <sld:UserStyle>
      <sld:Name>probability</sld:Name>
      <sld:FeatureTypeStyle>
        <sld:Rule>
          <sld:RasterSymbolizer>
            <sld:ChannelSelection>
              <sld:GrayChannel>
                <sld:SourceChannelName>1</sld:SourceChannelName>
              </sld:GrayChannel>
            </sld:ChannelSelection>
            <sld:ColorMap type="ramp">
              <sld:ColorMapEntry opacity="0" quantity="0" label="0%" color="#480c68"/>
              <sld:ColorMapEntry opacity="0.156863" quantity="0.10000000000000001" label="10%" color="#480c68"/>
              <sld:ColorMapEntry opacity="0.588235" quantity="0.29999999999999999" label="30%" color="#96236e"/>
              <sld:ColorMapEntry opacity="0.784314" quantity="0.5" label="50%" color="#de494a"/>
              <sld:ColorMapEntry opacity="0.882353" quantity="0.75" label="75%" color="#fc9b1e"/>
              <sld:ColorMapEntry opacity="0.941176" quantity="1" label="100%" color="#fcfa78"/>
            </sld:ColorMap>
          </sld:RasterSymbolizer>
        </sld:Rule>
      </sld:FeatureTypeStyle>
    </sld:UserStyle>
  </UserLayer>
</StyledLayerDescriptor>

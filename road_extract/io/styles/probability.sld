<?xml version="1.0" encoding="UTF-8"?>
<StyledLayerDescriptor xmlns="http://www.opengis.net/sld" xmlns:gml="http://www.opengis.net/gml" version="1.0.0" xmlns:sld="http://www.opengis.net/sld" xmlns:ogc="http://www.opengis.net/ogc">
  <NamedLayer>
    <sld:Name>probability</sld:Name>
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
              <sld:ColorMapEntry color="#480c68" label="0%" quantity="0" opacity="0"/>
              <sld:ColorMapEntry color="#480c68" label="10%" quantity="0.10000000000000001" opacity="0.156863"/>
              <sld:ColorMapEntry color="#96236e" label="30%" quantity="0.29999999999999999" opacity="0.588235"/>
              <sld:ColorMapEntry color="#de494a" label="50%" quantity="0.5" opacity="0.784314"/>
              <sld:ColorMapEntry color="#fc9b1e" label="75%" quantity="0.75" opacity="0.882353"/>
              <sld:ColorMapEntry color="#fcfa78" label="100%" quantity="1" opacity="0.941176"/>
            </sld:ColorMap>
          </sld:RasterSymbolizer>
        </sld:Rule>
      </sld:FeatureTypeStyle>
    </sld:UserStyle>
  </NamedLayer>
</StyledLayerDescriptor>

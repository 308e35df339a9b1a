<?xml version="1.0" encoding="UTF-8"?>
<StyledLayerDescriptor xmlns="http://www.opengis.net/sld" xmlns:ogc="http://www.opengis.net/ogc" xmlns:gml="http://www.opengis.net/gml" xmlns:sld="http://www.opengis.net/sld" version="1.0.0">
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
              <sld:ColorMapEntry color="#480c68" quantity="0" opacity="0" label="0%"/>
              <sld:ColorMapEntry color="#480c68" quantity="0.10000000000000001" opacity="0.156863" label="10%"/>
              <sld:ColorMapEntry color="#96236e" quantity="0.29999999999999999" opacity="0.588235" label="30%"/>
              <sld:ColorMapEntry color="#de494a" quantity="0.5" opacity="0.784314" label="50%"/>
              <sld:ColorMapEntry color="#fc9b1e" quantity="0.75" opacity="0.882353" label="75%"/>
              <sld:ColorMapEntry color="#fcfa78" quantity="1" opacity="0.941176" label="100%"/>
            </sld:ColorMap>
          </sld:RasterSymbolizer>
        </sld:Rule>
      </sld:FeatureTypeStyle>
    </sld:UserStyle>
  </NamedLayer>
</StyledLayerDescriptor>

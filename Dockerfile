# road_extract in a container, without TensorFlow, which only training needs:
#   docker build -t road-extract .
#   docker run --rm -v "$PWD:/data" -u "$(id -u):$(id -g)" road-extract extract scene.tif roads.gpkg
FROM python:3.12-slim AS build
WORKDIR /src
COPY pyproject.toml README.md LICENSE ./
COPY road_extract road_extract
COPY qgis/road_extract_qgis/inference-requirements.txt ./
RUN python -m venv /opt/road-extract \
    && /opt/road-extract/bin/pip install --no-cache-dir -r inference-requirements.txt \
    && /opt/road-extract/bin/pip install --no-cache-dir --no-deps .

FROM python:3.12-slim
# rasterio's wheels need libexpat, which slim images lack
# hadolint ignore=DL3008
RUN apt-get update && apt-get install -y --no-install-recommends libexpat1 && rm -rf /var/lib/apt/lists/* \
    && useradd --uid 1000 --create-home roads
COPY --from=build /opt/road-extract /opt/road-extract
ENV PATH="/opt/road-extract/bin:$PATH" ROAD_EXTRACT_CACHE=/tmp/road-extract-cache
USER 1000
WORKDIR /data
ENTRYPOINT ["road-extract"]
CMD ["--help"]

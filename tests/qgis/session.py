"""Runs in QGIS's own Python: tries everything once in one session, and writes what it saw as JSON for the tests.

Arguments: folder to work in, folder of the sample tiles, a probability raster, and the file to write.
"""

from __future__ import annotations

import contextlib
import inspect
import json
import os
import sys
import threading
import time
import traceback
from pathlib import Path

from qgis.core import (
    QgsApplication,
    QgsProcessingAlgRunnerTask,
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingFeedback,
    QgsProcessingModelAlgorithm,
    QgsProcessingModelChildAlgorithm,
    QgsProcessingModelChildParameterSource,
    QgsProcessingModelOutput,
    QgsProcessingModelParameter,
    QgsProcessingOutputLayerDefinition,
    QgsProcessingParameterRasterLayer,
    QgsProject,
    QgsRasterLayer,
    QgsRectangle,
    QgsVectorLayer,
)

WORK, SAMPLES, PROBABILITY, OUT = sys.argv[1:5]
PAN, UTM = os.path.join(SAMPLES, "vegas_pan.tif"), os.path.join(SAMPLES, "vegas_utm.tif")


class Feedback(QgsProcessingFeedback):
    """Writes everything down."""

    def __init__(self):
        super().__init__(False)
        self.percents, self.said = [], []
        self.progressChanged.connect(self.percents.append)

    def pushInfo(self, text):
        self.said.append(text)

    def pushWarning(self, text):
        self.said.append("WARNING " + text)

    def pushCommandInfo(self, text):
        self.said.append(text)

    def setProgressText(self, text):
        self.said.append(text)

    def pushConsoleInfo(self, text):
        self.said.append(text)


def processes():
    """All running processes that are road_extract, started from here: another session's are of no concern."""
    ours = os.fsencode(os.environ["ROAD_EXTRACT_PYTHON"])
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        command, environ = (Path(f"/proc/{pid}/{name}") for name in ("cmdline", "environ"))
        with contextlib.suppress(OSError):
            if b"road_extract\0--watch-stdin" in command.read_bytes() and ours in environ.read_bytes():
                found.append(pid)
    return found


def describe_parameters():
    """What a dialog would offer."""
    found = {}
    for algorithm in QgsApplication.processingRegistry().providerById("road_extract").algorithms():
        found[algorithm.id()] = {
            p.name(): {
                "type": p.type(),
                "default": p.defaultValue(),
                "low": getattr(p, "minimum", lambda: None)(),
                "high": getattr(p, "maximum", lambda: None)(),
                "advanced": bool(p.flags() & p.Flag.FlagAdvanced),
                "optional": bool(p.flags() & p.Flag.FlagOptional),
                "help": p.help(),
            }
            for p in algorithm.parameterDefinitions()
        }
    return found


def cancel():
    """Cancel in the middle of a long run; tell how long it took until the process was gone."""
    import processing

    folder = os.path.join(WORK, "cancel")
    os.mkdir(folder)
    feedback, seen = Feedback(), {}

    def watch(percent):
        if percent > 40 and "at" not in seen:
            seen["running"] = len(processes())
            seen["files"] = len(os.listdir(folder))
            seen["at"] = time.monotonic()  # type: ignore[assignment]
            feedback.cancel()

    feedback.progressChanged.connect(watch)
    arguments = {"INPUT": PAN, "OUTPUT": os.path.join(folder, "r.gpkg"), "NATIVE_GSD": True, "BATCH_SIZE": 1}
    arguments["PROBABILITY"] = os.path.join(folder, "p.tif")
    result = processing.run("road_extract:extractroads", arguments, feedback=feedback)
    seconds = time.monotonic() - seen.pop("at")
    return {
        **seen, "seconds": seconds, "left": processes(), "files_left": os.listdir(folder), "result": result,
        "percents": feedback.percents, "said": feedback.said,
    }  # fmt: skip


def cancel_in_a_task():
    """As the dialog does it: the algorithm in a thread of its own, cancelled before the model is loaded."""
    algorithm = QgsApplication.processingRegistry().createAlgorithmById("road_extract:extractroads")
    context, feedback = QgsProcessingContext(), Feedback()
    context.setProject(QgsProject.instance())
    arguments = {"INPUT": UTM, "OUTPUT": os.path.join(WORK, "task.gpkg")}
    task = QgsProcessingAlgRunnerTask(algorithm, arguments, context, feedback)
    main = threading.get_ident()
    ended = []
    task.executed.connect(lambda ok, results: ended.append([ok, threading.get_ident() == main]))
    QgsApplication.taskManager().addTask(task)
    end = time.monotonic() + 30
    while not processes() and time.monotonic() < end:
        QgsApplication.processEvents()
        time.sleep(0.02)
    running, started = len(processes()), time.monotonic()
    task.cancel()
    while not ended and time.monotonic() < end:
        QgsApplication.processEvents()
        time.sleep(0.02)
    return {
        "running": running, "seconds": time.monotonic() - started, "ended": ended, "left": processes(),
        "files_left": [name for name in os.listdir(WORK) if "task" in name],
    }  # fmt: skip


def colours(layer):
    """Of what a renderer draws."""
    renderer = layer.renderer()
    if hasattr(renderer, "categories"):
        return [category.symbol().symbolLayer(1).color().name() for category in renderer.categories()]
    if hasattr(renderer, "symbol"):
        return [renderer.symbol().color().name()]
    return [item.color.name() for item in renderer.shader().rasterShaderFunction().colorRampItemList()]


def show_results(algorithm, context, arguments):
    """As the dialog does it; newer versions of QGIS left out a parameter."""
    from processing.gui.Postprocessing import handleAlgorithmResults

    named = {"feedback": Feedback(), "parameters": arguments, "showResults": False}
    wanted = inspect.signature(handleAlgorithmResults).parameters
    handleAlgorithmResults(algorithm, context, **{name: value for name, value in named.items() if name in wanted})


def load_styled():
    """Load results into a project as the dialog does, over their scene."""
    project = QgsProject.instance()
    scene = QgsRasterLayer(UTM, "vegas_utm")
    project.addMapLayer(scene)
    algorithm = QgsApplication.processingRegistry().createAlgorithmById("road_extract:extractroads")
    context, feedback = QgsProcessingContext(), Feedback()
    context.setProject(project)
    box = scene.extent()
    half = QgsRectangle(box.xMinimum(), box.yMinimum(), box.center().x(), box.yMaximum())
    arguments = {
        "INPUT": scene, "THRESHOLD": 0.4, "EXTENT": half, "GEOMETRY": "both",
        "OUTPUT": QgsProcessingOutputLayerDefinition("TEMPORARY_OUTPUT", project),
        "PROBABILITY": QgsProcessingOutputLayerDefinition("TEMPORARY_OUTPUT", project),
        "REPORT": os.path.join(WORK, "page.html"),
    }  # fmt: skip
    results, good = algorithm.run(arguments, context, feedback)
    show_results(algorithm, context, arguments)
    layers = project.layerTreeRoot().layerOrder()
    found = {
        "good": good, "page": results.get("REPORT"),
        "names": [layer.name() for layer in layers], "count": results.get("COUNT"),
        "colours": [colours(layer) for layer in layers[:3]],
        "renderers": [layer.renderer().type() for layer in layers],
        "percents": feedback.percents, "said": feedback.said,
        "extents": [[b.xMinimum(), b.yMinimum(), b.xMaximum(), b.yMaximum()] for b in (half, layers[2].extent())],
        "crs": [layer.crs().authid() for layer in layers],
        "features": [layer.featureCount() for layer in layers[:2]],
    }  # fmt: skip
    project.clear()
    return found


def refuse():
    """Sentences for what cannot be opened, read or written."""
    import processing

    scene = QgsRasterLayer(UTM, "scene")
    arguments = {"INPUT": PROBABILITY, "OUTPUT": os.path.join(WORK, "no.gpkg")}
    wms = "contextualWMSLegend=0&crs=EPSG:3857&format=image/png&layers=a&styles=&url=http://127.0.0.1:9/"
    virtual = f"?crs=EPSG:32611&extent=0,0,9,9&width=9&height=9&formula=1&x:uri={UTM}&x:provider=gdal"
    cases = {
        "wms": {"INPUT": QgsRasterLayer(wms, "a web map", "wms")},
        "virtual": {"INPUT": QgsRasterLayer(virtual, "a formula", "virtualraster")},
        "options": {"INPUT": QgsRasterLayer(UTM + "|option:NUM_THREADS=2", "with options")},
        "shapefile": {"OUTPUT": os.path.join(WORK, "no.shp")},
        "database": {"OUTPUT": f"ogr:dbname='{WORK}/no.gpkg' table=\"roads\" (geom)"},
        "python": {"PYTHON": "/usr/bin/python3"},
        "no_python": {"PYTHON": "/nowhere/python"},
        "three_bands": {"INPUT": scene},
        "folder": {"OUTPUT": "/nowhere/no.gpkg"},
    }
    found = {}
    for name, changed in cases.items():
        try:
            processing.run("road_extract:vectorizeprobability", {**arguments, **changed}, feedback=Feedback())
            found[name] = "it ran"
        except QgsProcessingException as error:
            found[name] = str(error)
    found["setting"] = refuse_by_setting(arguments)
    return {"messages": found, "written": [name for name in os.listdir(WORK) if name.startswith("no.")]}


def refuse_by_setting(arguments):
    """A program that is no Python, named in QGIS's settings."""
    import processing
    from processing.core.ProcessingConfig import ProcessingConfig

    variable = os.environ.pop("ROAD_EXTRACT_PYTHON")
    ProcessingConfig.setSettingValue("ROAD_EXTRACT_PYTHON", "/bin/false")
    try:
        processing.run("road_extract:vectorizeprobability", arguments, feedback=Feedback())
        return "it ran"
    except QgsProcessingException as error:
        return str(error)
    finally:
        ProcessingConfig.setSettingValue("ROAD_EXTRACT_PYTHON", "")
        os.environ["ROAD_EXTRACT_PYTHON"] = variable


def area_of_interest():
    """A memory layer in another CRS, of which one polygon is selected."""
    import processing
    from qgis.core import QgsFeature, QgsGeometry, QgsProcessingFeatureSourceDefinition

    scene = QgsRasterLayer(UTM, "scene")
    area = QgsVectorLayer("Polygon?crs=EPSG:4326", "area", "memory")
    for west in (-115.2335, -115.2320):
        feature = QgsFeature()
        feature.setGeometry(QgsGeometry.fromRect(QgsRectangle(west, 36.1400, west + 0.0008, 36.1415)))
        area.dataProvider().addFeature(feature)
    QgsProject.instance().addMapLayer(area)
    area.selectByIds([1])
    out = os.path.join(WORK, "aoi.tif")
    selected = QgsProcessingFeatureSourceDefinition(area.id(), True)
    feedback = Feedback()
    processing.run("road_extract:roadprobability", {"INPUT": scene, "AOI": selected, "OUTPUT": out}, feedback=feedback)
    QgsProject.instance().clear()
    return {"said": feedback.said, "percents": feedback.percents}


def vectorize():
    """The quickest run there is."""
    import processing

    arguments = {"INPUT": PROBABILITY, "OUTPUT": os.path.join(WORK, "roads.gpkg")}
    return {"count": processing.run("road_extract:vectorizeprobability", arguments, feedback=Feedback())["COUNT"]}


def compare():
    """Lines of a memory layer with the map of the sample tiles, which has another CRS."""
    import processing

    lines = os.path.join(WORK, "lines.gpkg")
    processing.run("road_extract:vectorizeprobability", {"INPUT": PROBABILITY, "GEOMETRY": "lines", "OUTPUT": lines})
    same = {"INPUT": lines, "EXPRESSION": "true", "OUTPUT": "memory:"}
    in_memory = processing.run("native:extractbyexpression", same)["OUTPUT"]
    known = os.path.join(SAMPLES, "vegas_roads.geojson")
    project, context = QgsProject.instance(), QgsProcessingContext()
    context.setProject(project)
    algorithm = QgsApplication.processingRegistry().createAlgorithmById("road_extract:compareroads")
    arguments = {"ROADS": in_memory, "MAP": known, "BUFFER": 8}
    arguments["OUTPUT"] = QgsProcessingOutputLayerDefinition(os.path.join(WORK, "differences.gpkg"), project)
    results, good = algorithm.run(arguments, context, Feedback())
    show_results(algorithm, context, arguments)
    layer = project.layerTreeRoot().layerOrder()[0]
    found = {"good": good, "results": results, "lines": lines, "colours": colours(layer), "name": layer.name()}
    project.clear()
    return found


def make_model():
    """A model of the designer: roads from a probability raster, then their area by a native algorithm."""
    model = QgsProcessingModelAlgorithm("Road area", "tests")
    model.addModelParameter(
        QgsProcessingParameterRasterLayer("raster", "Probability"), QgsProcessingModelParameter("raster")
    )
    roads = QgsProcessingModelChildAlgorithm("road_extract:vectorizeprobability")
    roads.setChildId("roads")
    roads.addParameterSources("INPUT", [QgsProcessingModelChildParameterSource.fromModelParameter("raster")])
    roads.addParameterSources("THRESHOLD", [QgsProcessingModelChildParameterSource.fromStaticValue(0.4)])
    model.addChildAlgorithm(roads)
    dissolve = QgsProcessingModelChildAlgorithm("native:dissolve")
    dissolve.setChildId("dissolve")
    dissolve.addParameterSources("INPUT", [QgsProcessingModelChildParameterSource.fromChildOutput("roads", "OUTPUT")])
    output = QgsProcessingModelOutput("all", "All roads")
    output.setChildId("dissolve")
    output.setChildOutputName("OUTPUT")
    dissolve.setModelOutputs({"all": output})
    model.addChildAlgorithm(dissolve)
    path = os.path.join(WORK, "road_area.model3")
    return {"written": model.toFile(path), "path": path}


SCENARIOS = (describe_parameters, cancel, cancel_in_a_task, load_styled, refuse, area_of_interest, compare, make_model)


def main(scenarios=SCENARIOS):
    """One after the other; a failure of one is told and ends none."""
    application = QgsApplication([], False)
    application.initQgis()
    sys.path += ["/usr/share/qgis/python/plugins", *os.environ["QGIS_PLUGINPATH"].split(os.pathsep)]
    from processing.core.Processing import Processing

    Processing.initialize()
    from road_extract_qgis.provider import RoadExtractProvider

    provider = RoadExtractProvider()
    QgsApplication.processingRegistry().addProvider(provider)
    found = {}
    for scenario in scenarios:
        try:
            found[scenario.__name__] = scenario()
        except Exception:
            found[scenario.__name__] = {"traceback": traceback.format_exc()}
    with open(OUT, "w", encoding="utf-8") as file:
        json.dump(found, file)
    QgsProject.instance().clear()
    QgsApplication.processingRegistry().removeProvider(provider)
    os._exit(0)  # QGIS takes its time, and may crash on what Python still holds


if __name__ == "__main__":
    main()

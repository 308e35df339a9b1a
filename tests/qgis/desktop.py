"""Runs inside the QGIS desktop (``qgis --code``): works as a user does, and takes pictures.

DESKTOP_WORK names a folder with ``vegas_pan.tif`` and ``p.tif``; pictures and ``seen.json`` go there.
"""

from __future__ import annotations

import json
import os
import threading
import time
import traceback

import processing
from processing.gui.BatchAlgorithmDialog import BatchAlgorithmDialog
from qgis.core import QgsApplication, QgsProcessingContext, QgsProject, QgsRasterLayer
from qgis.PyQt.QtCore import QTimer
from qgis.PyQt.QtWidgets import QApplication, QProgressBar, QTextEdit
from qgis.utils import iface

WORK = os.environ["DESKTOP_WORK"]
SCENE = os.path.join(WORK, "vegas_pan.tif")
LIMIT_S = 120

seen = {}


def wait(is_done, limit_s=LIMIT_S):
    """Let QGIS work until something holds."""
    end = time.monotonic() + limit_s
    while not is_done():
        if time.monotonic() > end:
            raise TimeoutError("nothing happened")
        QApplication.processEvents()
        time.sleep(0.02)


def settle(seconds=0.6):
    end = time.monotonic() + seconds
    wait(lambda: time.monotonic() > end)


def picture(widget, name):
    settle()
    widget.grab().save(os.path.join(WORK, name + ".png"))


def load_scene():
    """An empty project with the scene, and no panels that show nothing."""
    window = iface.mainWindow()
    window.resize(1250, 800)
    for dock in window.findChildren(type(iface.layerTreeView().parent().parent())):
        if dock.objectName() not in ("Layers", "ProcessingToolbox"):
            dock.hide()
    iface.messageBar().clearWidgets()
    project = QgsProject.instance()
    layer = QgsRasterLayer(SCENE, "vegas_pan")
    project.setCrs(layer.crs())
    project.addMapLayer(layer)
    iface.mapCanvas().setExtent(layer.extent())
    iface.mapCanvas().refresh()
    return layer


def run_dialog(layer):
    """The dialog, its progress, and the result over the scene."""
    arguments = {"INPUT": layer, "GEOMETRY": "both", "BATCH_SIZE": 1}
    dialog = processing.createAlgorithmDialog("road_extract:extractroads", arguments)
    dialog.resize(900, 620)
    dialog.show()
    picture(dialog, "dialog")
    percents = []
    dialog.findChild(QProgressBar).valueChanged.connect(percents.append)
    dialog.runButton().click()
    wait(lambda: percents and percents[-1] > 30)
    picture(dialog, "running")
    wait(lambda: len(QgsProject.instance().mapLayers()) == 3)
    settle()
    seen["log"] = max((text.toPlainText() for text in dialog.findChildren(QTextEdit)), key=len)
    seen["percents"] = percents
    dialog.close()


def look_at_result():
    layers = QgsProject.instance().layerTreeRoot().layerOrder()
    seen["names"] = [layer.name() for layer in layers]
    seen["geometries"] = [layer.geometryType() for layer in layers[:2]]
    seen["counts"] = [layer.featureCount() for layer in layers[:2]]
    iface.messageBar().clearWidgets()
    iface.mapCanvas().refreshAllLayers()
    settle(1.5)
    picture(iface.mainWindow(), "result")
    picture(iface.mapCanvas(), "map")


def plugin():
    """The plugin, as QGIS loaded it; or loaded as QGIS would."""
    import road_extract_qgis

    from qgis import utils

    if "road_extract_qgis" not in utils.plugins:
        utils.plugins["road_extract_qgis"] = found = road_extract_qgis.classFactory(iface)
        found.initGui()
    return utils.plugins["road_extract_qgis"]


def look_at_group():
    root = QgsProject.instance().layerTreeRoot()
    seen["groups"] = [[group.name(), [node.name() for node in group.children()]] for group in root.findGroups()]


def move_threshold():
    """The slider paints at once, and nothing but a probability raster."""
    probability = QgsRasterLayer(os.path.join(WORK, "p.tif"), "Road probability")
    QgsProject.instance().addMapLayer(probability)
    plugin().show_threshold()
    panel = plugin().panel
    panel.layers.setLayer(probability)
    counts = []
    for threshold in (0.2, 0.5, 0.8):
        panel.slider.setValue(round(threshold * 254))
        items = probability.renderer().shader().rasterShaderFunction().colorRampItemList()
        block = probability.renderer().block(1, probability.extent(), 200, 200)
        pixels = bytes(block.data())[3::4]
        counts.append([round(panel.number.value(), 2), len(items), sum(1 for alpha in pixels if alpha)])
    seen["threshold"] = counts
    iface.mapCanvas().setExtent(probability.extent())
    iface.mapCanvas().refresh()
    settle(1.0)
    picture(iface.mainWindow(), "threshold")
    scene = next(layer for layer in QgsProject.instance().mapLayers().values() if layer.name() == "vegas_pan")
    before = scene.renderer().type()
    panel.layers.setLayer(scene)
    panel.number.setValue(0.3)
    seen["scene_untouched"] = [panel.slider.isEnabled(), scene.renderer().type() == before]
    panel.hide()


def extract_here():
    """The dialog has the raster and what the map shows."""
    scene = next(layer for layer in QgsProject.instance().mapLayers().values() if layer.name() == "vegas_pan")
    iface.setActiveLayer(scene)
    plugin().extract_here()
    settle()
    dialog = plugin().dialog
    parameters = dialog.createProcessingParameters() if hasattr(dialog, "createProcessingParameters") else {}
    parameters = parameters or dialog.getParameterValues()
    seen["here"] = [str(parameters.get("EXTENT")), scene.id() in str(parameters.get("INPUT"))]
    picture(dialog, "here")
    dialog.close()


def set_up():
    """A folder without wheels: the sentence, and the log one click away."""
    plugin().set_up()
    dialog = plugin().dialog
    picture(dialog, "setup")
    seen["setup_state"] = [dialog._state.text(), {name: b.isEnabled() for name, b in dialog.actions.items()}]
    dialog._wheels.setFilePath(WORK)
    dialog.actions["setup"].click()
    wait(lambda: not dialog.is_running(), 60)
    dialog._show_log.setChecked(True)
    seen["setup_failed"] = [dialog._step.text(), dialog._log.toPlainText()]
    picture(dialog, "setup_failed")
    dialog.close()


def about():
    """Text, copied with one click."""
    plugin().about()
    dialog = plugin().dialog
    wait(lambda: dialog.copy_button.isEnabled())
    dialog.copy_button.click()
    seen["about"] = [dialog.text.toPlainText(), QApplication.clipboard().text() == dialog.text.toPlainText()]
    picture(dialog, "about")
    dialog.close()


def options_page():
    """The page of the settings."""
    page = plugin()._factory.createWidget(None)
    page.resize(520, 260)
    page.show()
    picture(page, "options")
    from qgis.PyQt.QtWidgets import QPushButton

    seen["options"] = [button.text() for button in page.findChildren(QPushButton)]
    page.close()


def run_batch():
    """Two thresholds of one raster."""
    algorithm = QgsApplication.processingRegistry().createAlgorithmById("road_extract:vectorizeprobability")
    dialog = BatchAlgorithmDialog(algorithm)
    panel, context = dialog.mainWidget(), QgsProcessingContext()
    panel.addRow(2 - panel.batchRowCount())
    outputs = [os.path.join(WORK, f"batch_{number}.gpkg") for number in (1, 2)]
    for row, (threshold, out) in enumerate(zip((0.3, 0.6), outputs, strict=True)):
        columns = panel.parameter_to_column
        for name, value in (("INPUT", os.path.join(WORK, "p.tif")), ("THRESHOLD", threshold)):
            wrapper = panel.wrappers[row][columns[name]]
            getattr(wrapper, "setParameterValue", None) and wrapper.setParameterValue(value, context)
        panel.tblParameters.cellWidget(row + 1, columns["OUTPUT"]).setValue(out)
    panel.checkLoadLayersOnCompletion.setChecked(False)
    dialog.show()
    dialog.runButton().click()
    wait(lambda: dialog.runButton().isEnabled())
    seen["batch"] = [os.path.isfile(out) for out in outputs]
    dialog.close()


def cancel_batch():
    """It runs in the main thread: the button works only if the algorithm lets it."""
    algorithm = QgsApplication.processingRegistry().createAlgorithmById("road_extract:roadprobability")
    dialog = BatchAlgorithmDialog(algorithm)
    panel, context = dialog.mainWidget(), QgsProcessingContext()
    columns = panel.parameter_to_column
    panel.wrappers[0][columns["INPUT"]].setParameterValue(SCENE, context)
    panel.tblParameters.cellWidget(1, columns["OUTPUT"]).setValue(os.path.join(WORK, "cancelled.tif"))
    panel.checkLoadLayersOnCompletion.setChecked(False)
    dialog.show()
    pressed = []

    def press():
        """As soon as the child runs, however fast it is: seconds later a fast one may be done."""
        if not pressed and any(thread.name == "road_extract stdout" for thread in threading.enumerate()):
            pressed.append(time.monotonic())
            dialog.cancelButton().click()

    button = QTimer()
    button.timeout.connect(press)
    button.start(20)
    dialog.runButton().click()
    wait(lambda: pressed and dialog.runButton().isEnabled(), 60)  # newer versions of QGIS come back at once
    button.stop()
    seen["batch_cancelled_s"] = time.monotonic() - pressed[0]
    seen["cancelled"] = [name for name in os.listdir(WORK) if "cancelled" in name]
    dialog.close()


def work():
    """Everything; whatever happens, QGIS ends."""
    try:
        run_dialog(load_scene())
        look_at_result()
        look_at_group()
        move_threshold()
        extract_here()
        set_up()
        about()
        options_page()
        run_batch()
        cancel_batch()
    except BaseException:
        seen["traceback"] = traceback.format_exc()
    with open(os.path.join(WORK, "seen.json"), "w", encoding="utf-8") as file:
        json.dump(seen, file)
    QgsProject.instance().setDirty(False)
    os._exit(0)


QTimer.singleShot(1000, work)

"""What QGIS makes of layers: run by an interpreter that has its libraries (see test_qgis.py).

``python qgis_reads.py OUT.json PICTURES LAYER[#STYLE]...`` opens each layer as QGIS does and tells
its renderer, its categories and its labels; with a folder PICTURES (or ``-``), it draws it too.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from qgis.core import (  # from QGIS, not from PyPI
    QgsApplication,
    QgsExpression,
    QgsMapRendererParallelJob,
    QgsMapSettings,
    QgsProject,
    QgsRenderContext,
    QgsVectorLayer,
)
from qgis.PyQt.QtCore import QSize


def told(layer: QgsVectorLayer) -> dict[str, object]:
    """Tell how a layer is drawn."""
    renderer = layer.renderer()
    context = QgsRenderContext()
    drawn = {}
    renderer.startRender(context, layer.fields())
    for feature in layer.getFeatures():
        context.expressionContext().setFeature(feature)
        symbol = renderer.symbolForFeature(feature, context)
        kinds = [] if symbol is None else [each.layerType() for each in symbol.symbolLayers()]
        drawn[str(feature[layer.fields()[0].name()])] = kinds
    renderer.stopRender(context)
    labeling = layer.labeling()
    settings = None if labeling is None else labeling.settings()
    words = None if settings is None else settings.format()  # held: what is in it goes with it
    halo = None if words is None else words.buffer()
    face_of = [
        each.symbol().symbolLayers()[0].dataDefinedProperties().property(3).expressionString()
        for each in renderer.categories()
    ]
    return {
        "renderer": renderer.type(),
        "attribute": renderer.classAttribute(),
        "attribute_works": not QgsExpression(renderer.classAttribute()).hasParserError(),
        "face_works": [not QgsExpression(each).hasParserError() for each in face_of],
        "categories": [
            {
                "value": each.value(),
                "label": each.label(),
                "colour": each.symbol().symbolLayers()[0].color().name(),
                "layers": [one.layerType() for one in each.symbol().symbolLayers()],
                "lines": [one.color().name() for one in each.symbol().symbolLayers()[1:]],
            }
            for each in renderer.categories()
        ],
        "drawn": drawn,
        "labels": layer.labelsEnabled(),
        "label": settings and settings.fieldName,
        "label_size": words and words.size(),
        "halo": halo and halo.enabled(),
        "halo_colour": halo and halo.color().name(),
        "scale_visibility": settings and settings.scaleVisibility,
        "nearest": settings and settings.minimumScale,
    }


def draw(layers: list[QgsVectorLayer], path: Path) -> None:
    """Draw layers, the first one on top."""
    settings = QgsMapSettings()
    settings.setLayers(layers)
    settings.setDestinationCrs(layers[0].crs())
    settings.setOutputSize(QSize(1400, 1200))
    settings.setOutputDpi(96)
    extent = layers[0].extent()
    extent.scale(1.05)
    settings.setExtent(extent)
    job = QgsMapRendererParallelJob(settings)
    job.start()
    job.waitForFinished()
    job.renderedImage().save(str(path))


def main() -> None:
    out, pictures, *sources = sys.argv[1:]
    application = QgsApplication([], False)
    application.initQgis()
    found, layers = {}, []
    for source in sources:
        place, _, style = source.partition("#")
        layer = QgsVectorLayer(place, Path(place).stem, "ogr")
        if not layer.isValid():
            sys.exit(f"not a layer: {place}")
        if style:
            listed = layer.listStylesInDatabase()
            number = listed[1][listed[2].index(style)]
            text, _ = layer.getStyleFromDatabase(number)
            from qgis.PyQt.QtXml import QDomDocument  # noqa: PLC0415 - for other styles only

            document = QDomDocument()
            document.setContent(text)
            layer.importNamedStyle(document)
        QgsProject.instance().addMapLayer(layer)
        layers.append(layer)
        found[source] = told(layer)
    if pictures != "-":
        for number, layer in enumerate(layers):
            draw([layer], Path(pictures) / f"{number}.png")
        draw(layers, Path(pictures) / "all.png")
    Path(out).write_text(json.dumps(found, ensure_ascii=False), encoding="utf-8")
    QgsProject.instance().clear()
    application.exitQgis()


if __name__ == "__main__":
    main()

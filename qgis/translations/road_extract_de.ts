<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<TS version="2.1" language="de" sourcelanguage="en">
 <context>
  <name>RoadExtract</name>
  <message>
   <source>&lt;p&gt;Compares road lines with a map such as OpenStreetMap and tells which roads are new, missing or matched. Lines are split where a match begins or ends. The two layers may have different CRSs.&lt;/p&gt;</source>
   <translation>&lt;p&gt;Vergleicht Straßenlinien mit einer Karte wie OpenStreetMap und zeigt, welche Straßen neu, fehlend oder übereinstimmend sind. Linien werden geteilt, wo eine Übereinstimmung beginnt oder endet. Die beiden Layer dürfen verschiedene KBS haben.&lt;/p&gt;</translation>
  </message>
  <message>
   <source>&lt;p&gt;Computes for every pixel of an aerial or satellite image the probability that it is road, from 0 to 1. &lt;i&gt;Roads from a probability raster&lt;/i&gt; turns that into roads, at any threshold, in seconds.&lt;/p&gt;</source>
   <translation>&lt;p&gt;Berechnet für jedes Pixel eines Luft- oder Satellitenbildes die Wahrscheinlichkeit von 0 bis 1, dass es Straße ist. &lt;i&gt;Straßen aus einem Wahrscheinlichkeitsraster&lt;/i&gt; macht daraus mit beliebigem Schwellenwert in Sekunden Straßen.&lt;/p&gt;</translation>
  </message>
  <message>
   <source>&lt;p&gt;Describes QGIS and the installation of road extraction for a bug report: versions, backend, speed, memory and disk. Passwords, keys and your name are left out.&lt;/p&gt;</source>
   <translation>&lt;p&gt;Beschreibt QGIS und die Installation der Straßenerkennung für einen Fehlerbericht: Versionen, Laufzeitumgebung, Geschwindigkeit, Arbeitsspeicher und Festplatte. Passwörter, Schlüssel und Ihr Name werden weggelassen.&lt;/p&gt;</translation>
  </message>
  <message>
   <source>&lt;p&gt;Finds the roads in an aerial or satellite image and draws them as polygons, a network of lines, or both. The image may have any size and CRS, and it may be a web layer (XYZ, WMS, WMTS); pixels of 0.5 to 2 m work best.&lt;/p&gt;&lt;p&gt;To compare thresholds, keep the probability raster and open &lt;i&gt;Plugins &gt; Road extraction &gt; Road threshold&lt;/i&gt;, or run &lt;i&gt;Roads from a probability raster&lt;/i&gt;, which takes seconds.&lt;/p&gt;</source>
   <translation>&lt;p&gt;Findet die Straßen in einem Luft- oder Satellitenbild und zeichnet sie als Polygone, als Netz von Linien oder beides. Größe und KBS des Bildes sind beliebig, und es darf ein Web-Layer (XYZ, WMS, WMTS) sein; Pixel von 0,5 bis 2 m eignen sich am besten.&lt;/p&gt;&lt;p&gt;Um Schwellenwerte zu vergleichen, behalten Sie das Wahrscheinlichkeitsraster und öffnen Sie &lt;i&gt;Erweiterungen &gt; Straßenerkennung &gt; Schwellenwert der Straßen&lt;/i&gt;, oder starten Sie &lt;i&gt;Straßen aus einem Wahrscheinlichkeitsraster&lt;/i&gt;; das dauert Sekunden.&lt;/p&gt;</translation>
  </message>
  <message>
   <source>&lt;p&gt;Installs what finds the roads, about 1 GB, into a folder of its own. Nothing is installed into QGIS, and no administrator rights are needed. You need Python 3.11 or newer on this computer.&lt;/p&gt;&lt;p&gt;You can cancel at any time and go on later: what was downloaded is kept.&lt;/p&gt;&lt;p&gt;&lt;b&gt;Set up&lt;/b&gt; installs, or finishes what was interrupted. &lt;b&gt;Update&lt;/b&gt; also brings newer versions of the packages. &lt;b&gt;Repair&lt;/b&gt; starts over. &lt;b&gt;Remove&lt;/b&gt; deletes the installation.&lt;/p&gt;&lt;p&gt;Without a network, choose a folder of wheels that &lt;code&gt;make qgis-bundle&lt;/code&gt; wrote.&lt;/p&gt;</source>
   <translation>&lt;p&gt;Installiert, was die Straßen findet (etwa 1 GB), in einen eigenen Ordner. In QGIS wird nichts installiert, und Administratorrechte sind nicht nötig. Auf diesem Computer muss Python 3.11 oder neuer vorhanden sein.&lt;/p&gt;&lt;p&gt;Sie können jederzeit abbrechen und später fortfahren: Was heruntergeladen ist, bleibt erhalten.&lt;/p&gt;&lt;p&gt;&lt;b&gt;Einrichten&lt;/b&gt; installiert oder beendet, was unterbrochen wurde. &lt;b&gt;Aktualisieren&lt;/b&gt; holt auch neuere Versionen der Pakete. &lt;b&gt;Reparieren&lt;/b&gt; beginnt von vorn. &lt;b&gt;Entfernen&lt;/b&gt; löscht die Installation.&lt;/p&gt;&lt;p&gt;Ohne Netzwerk wählen Sie einen Ordner mit Wheels, den &lt;code&gt;make qgis-bundle&lt;/code&gt; geschrieben hat.&lt;/p&gt;</translation>
  </message>
  <message>
   <source>&lt;p&gt;Turns a raster of road probability, from &lt;i&gt;Road probability&lt;/i&gt; or any other tool, into road polygons, a network of road lines, or both. It takes seconds, so you can try several thresholds.&lt;/p&gt;</source>
   <translation>&lt;p&gt;Macht aus einem Raster der Straßenwahrscheinlichkeit, von &lt;i&gt;Straßenwahrscheinlichkeit&lt;/i&gt; oder einem anderen Werkzeug, Straßenpolygone, ein Netz von Straßenlinien oder beides. Es dauert Sekunden, sodass Sie mehrere Schwellenwerte probieren können.&lt;/p&gt;</translation>
  </message>
  <message>
   <source>About this installation</source>
   <translation>Über diese Installation</translation>
  </message>
  <message>
   <source>About this installation…</source>
   <translation>Über diese Installation…</translation>
  </message>
  <message>
   <source>Bridged gap</source>
   <translation>Überbrückte Lücke</translation>
  </message>
  <message>
   <source>Cancel</source>
   <translation>Abbrechen</translation>
  </message>
  <message>
   <source>Cancelled. Set up again to go on; what was downloaded is kept.</source>
   <translation>Abgebrochen. Richten Sie erneut ein, um fortzufahren; was heruntergeladen ist, bleibt erhalten.</translation>
  </message>
  <message>
   <source>Cancelled: nothing was written.</source>
   <translation>Abgebrochen: Es wurde nichts geschrieben.</translation>
  </message>
  <message>
   <source>Cancelling</source>
   <translation>Wird abgebrochen</translation>
  </message>
  <message>
   <source>Check</source>
   <translation>Prüfen</translation>
  </message>
  <message>
   <source>Compare roads with the map</source>
   <translation>Straßen mit der Karte vergleichen</translation>
  </message>
  <message>
   <source>Copy</source>
   <translation>Kopieren</translation>
  </message>
  <message>
   <source>Description</source>
   <translation>Beschreibung</translation>
  </message>
  <message>
   <source>Done. You can close this window and extract roads.</source>
   <translation>Fertig. Sie können dieses Fenster schließen und Straßen extrahieren.</translation>
  </message>
  <message>
   <source>Doubtful: look twice</source>
   <translation>Zweifelhaft: genau hinsehen</translation>
  </message>
  <message>
   <source>Draw these roads…</source>
   <translation>Diese Straßen zeichnen…</translation>
  </message>
  <message>
   <source>Drawing lines</source>
   <translation>Linien werden gezeichnet</translation>
  </message>
  <message>
   <source>Drawing outlines</source>
   <translation>Umrisse werden gezeichnet</translation>
  </message>
  <message>
   <source>Extract roads</source>
   <translation>Straßen extrahieren</translation>
  </message>
  <message>
   <source>Extract roads here</source>
   <translation>Straßen hier extrahieren</translation>
  </message>
  <message>
   <source>Finding roads</source>
   <translation>Straßen werden gesucht</translation>
  </message>
  <message>
   <source>Folder of wheels, for computers without a network</source>
   <translation>Ordner mit Wheels, für Computer ohne Netzwerk</translation>
  </message>
  <message>
   <source>Folder to install into (default: your data folder)</source>
   <translation>Ordner für die Installation (Standard: Ihr Datenordner)</translation>
  </message>
  <message>
   <source>Folder with weights.npz and spec.json, as road-extract train writes it.</source>
   <translation>Ordner mit weights.npz und spec.json, wie ihn road-extract train schreibt.</translation>
  </message>
  <message>
   <source>Installation</source>
   <translation>Installation</translation>
  </message>
  <message>
   <source>Largest area to render from a web layer [km²]</source>
   <translation>Größte Fläche, die von einem Web-Layer gerendert wird [km²]</translation>
  </message>
  <message>
   <source>Length of matched roads [km]</source>
   <translation>Länge übereinstimmender Straßen [km]</translation>
  </message>
  <message>
   <source>Length of missing roads [km]</source>
   <translation>Länge fehlender Straßen [km]</translation>
  </message>
  <message>
   <source>Length of new roads [km]</source>
   <translation>Länge neuer Straßen [km]</translation>
  </message>
  <message>
   <source>Log</source>
   <translation>Protokoll</translation>
  </message>
  <message>
   <source>Map: known road lines</source>
   <translation>Karte: bekannte Straßenlinien</translation>
  </message>
  <message>
   <source>Matched</source>
   <translation>Übereinstimmend</translation>
  </message>
  <message>
   <source>Measure the model's speed (seconds)</source>
   <translation>Geschwindigkeit des Modells messen (Sekunden)</translation>
  </message>
  <message>
   <source>Missing: on the map only</source>
   <translation>Fehlend: nur auf der Karte</translation>
  </message>
  <message>
   <source>Model folder of your own (instead of the model above)</source>
   <translation>Eigener Modellordner (anstelle des Modells oben)</translation>
  </message>
  <message>
   <source>New: not on the map</source>
   <translation>Neu: nicht auf der Karte</translation>
  </message>
  <message>
   <source>Number of roads</source>
   <translation>Anzahl der Straßen</translation>
  </message>
  <message>
   <source>One moment: the model's speed is being measured.</source>
   <translation>Einen Moment: Die Geschwindigkeit des Modells wird gemessen.</translation>
  </message>
  <message>
   <source>One more step: set up what finds the roads (about 1 GB).</source>
   <translation>Noch ein Schritt: Richten Sie ein, was die Straßen findet (etwa 1 GB).</translation>
  </message>
  <message>
   <source>Only for computers without a network: folder of wheels</source>
   <translation>Nur für Computer ohne Netzwerk: Ordner mit Wheels</translation>
  </message>
  <message>
   <source>Page for reviewing the roads over their scene, in any browser and offline</source>
   <translation>Seite zum Prüfen der Straßen über ihrer Szene, in jedem Browser und ohne Netz</translation>
  </message>
  <message>
   <source>Python of the installation</source>
   <translation>Python der Installation</translation>
  </message>
  <message>
   <source>Python that has road_extract, its virtual environment, or its road-extract program; if left out, the environment variable ROAD_EXTRACT_PYTHON, then the QGIS setting (Settings &gt; Options &gt; Processing &gt; Providers), then the usual places</source>
   <translation>Python, das road_extract enthält, dessen virtuelle Umgebung oder dessen Programm road-extract; ohne Angabe gilt die Umgebungsvariable ROAD_EXTRACT_PYTHON, dann die Einstellung in QGIS (Einstellungen &gt; Optionen &gt; Verarbeitung &gt; Datenanbieter), dann die üblichen Orte</translation>
  </message>
  <message>
   <source>Python that runs it</source>
   <translation>Python, das es ausführt</translation>
  </message>
  <message>
   <source>Python to use (default: the best one found)</source>
   <translation>Zu verwendendes Python (Standard: das beste gefundene)</translation>
  </message>
  <message>
   <source>Ready: version {} in {}.</source>
   <translation>Bereit: Version {} in {}.</translation>
  </message>
  <message>
   <source>Remove</source>
   <translation>Entfernen</translation>
  </message>
  <message>
   <source>Rendering the layer</source>
   <translation>Der Layer wird gerendert</translation>
  </message>
  <message>
   <source>Repair</source>
   <translation>Reparieren</translation>
  </message>
  <message>
   <source>Review page</source>
   <translation>Prüfseite</translation>
  </message>
  <message>
   <source>Road</source>
   <translation>Straße</translation>
  </message>
  <message>
   <source>Road differences</source>
   <translation>Unterschiede der Straßen</translation>
  </message>
  <message>
   <source>Road extraction</source>
   <translation>Straßenerkennung</translation>
  </message>
  <message>
   <source>Road extraction is not set up yet ({}).</source>
   <translation>Die Straßenerkennung ist noch nicht eingerichtet ({}).</translation>
  </message>
  <message>
   <source>Road extraction is set up in {}.</source>
   <translation>Die Straßenerkennung ist in {} eingerichtet.</translation>
  </message>
  <message>
   <source>Road extraction needs about 1 GB of software in a folder of its own, {}. QGIS itself is not changed.</source>
   <translation>Die Straßenerkennung braucht etwa 1 GB Software in einem eigenen Ordner, {}. QGIS selbst wird nicht verändert.</translation>
  </message>
  <message>
   <source>Road extraction: {}</source>
   <translation>Straßenerkennung: {}</translation>
  </message>
  <message>
   <source>Road lines</source>
   <translation>Straßenlinien</translation>
  </message>
  <message>
   <source>Road lines of {}</source>
   <translation>Straßenlinien von {}</translation>
  </message>
  <message>
   <source>Road probability</source>
   <translation>Straßenwahrscheinlichkeit</translation>
  </message>
  <message>
   <source>Road probability (0 to 1) or road mask (0 and 1)</source>
   <translation>Straßenwahrscheinlichkeit (0 bis 1) oder Straßenmaske (0 und 1)</translation>
  </message>
  <message>
   <source>Road probability of {}</source>
   <translation>Straßenwahrscheinlichkeit von {}</translation>
  </message>
  <message>
   <source>Road threshold</source>
   <translation>Schwellenwert der Straßen</translation>
  </message>
  <message>
   <source>Roads</source>
   <translation>Straßen</translation>
  </message>
  <message>
   <source>Roads from a probability raster</source>
   <translation>Straßen aus einem Wahrscheinlichkeitsraster</translation>
  </message>
  <message>
   <source>Roads of {}</source>
   <translation>Straßen von {}</translation>
  </message>
  <message>
   <source>Scene: aerial or satellite imagery, as a file or a web layer</source>
   <translation>Szene: Luft- oder Satellitenbild, als Datei oder als Web-Layer</translation>
  </message>
  <message>
   <source>Set up</source>
   <translation>Einrichten</translation>
  </message>
  <message>
   <source>Set up road extraction</source>
   <translation>Straßenerkennung einrichten</translation>
  </message>
  <message>
   <source>Set up…</source>
   <translation>Einrichten…</translation>
  </message>
  <message>
   <source>Show log</source>
   <translation>Protokoll zeigen</translation>
  </message>
  <message>
   <source>Show probability</source>
   <translation>Wahrscheinlichkeit zeigen</translation>
  </message>
  <message>
   <source>The environment variable {} names another Python, which takes precedence.</source>
   <translation>Die Umgebungsvariable {} nennt ein anderes Python, das Vorrang hat.</translation>
  </message>
  <message>
   <source>The imagery comes from a web service. Its terms of use may forbid automatic downloads or derived data: respecting them is up to you</source>
   <translation>Die Bilder kommen von einem Webdienst. Dessen Nutzungsbedingungen können automatisches Herunterladen oder daraus abgeleitete Daten verbieten: Sie zu achten ist Ihre Sache</translation>
  </message>
  <message>
   <source>The set-up failed: the log says why.</source>
   <translation>Die Einrichtung ist fehlgeschlagen: Das Protokoll sagt, warum.</translation>
  </message>
  <message>
   <source>To use your own Python, specify it under Processing &gt; Providers &gt; Road extraction.</source>
   <translation>Um ein eigenes Python zu verwenden, nennen Sie es unter Verarbeitung &gt; Datenanbieter &gt; Road extraction.</translation>
  </message>
  <message>
   <source>Update</source>
   <translation>Aktualisieren</translation>
  </message>
  <message>
   <source>Version {} is set up in {}; this plugin needs {}.</source>
   <translation>Version {} ist in {} eingerichtet; diese Erweiterung braucht {}.</translation>
  </message>
  <message>
   <source>Web layers (XYZ, WMS, WMTS) are downloaded for the extent; larger ones are refused.</source>
   <translation>Web-Layer (XYZ, WMS, WMTS) werden für die Ausdehnung heruntergeladen; größere Flächen werden abgelehnt.</translation>
  </message>
  <message>
   <source>What to do</source>
   <translation>Was zu tun ist</translation>
  </message>
  <message>
   <source>help:DiffOptions.angle_deg</source>
   <extracomment>Maximum difference in direction between lines that can match as the same road</extracomment>
   <translation>Linien gelten nur dann als dieselbe Straße, wenn ihre Richtungen um höchstens diesen Winkel abweichen</translation>
  </message>
  <message>
   <source>help:DiffOptions.assume_crs</source>
   <extracomment>CRS to assume if the raster has none (default: that of the layer in QGIS)</extracomment>
   <translation>KBS, das angenommen wird, wenn das Raster keines hat (Standard: das des Layers in QGIS)</translation>
  </message>
  <message>
   <source>help:DiffOptions.bounds</source>
   <extracomment>Process only this rectangle, in any CRS</extracomment>
   <translation>Nur dieses Rechteck wird verarbeitet; das KBS ist beliebig</translation>
  </message>
  <message>
   <source>help:DiffOptions.buffer_m</source>
   <extracomment>Maximum distance between lines that can match as the same road</extracomment>
   <translation>Linien, die höchstens so weit voneinander entfernt sind, können dieselbe Straße sein</translation>
  </message>
  <message>
   <source>help:DiffOptions.layer</source>
   <extracomment>Existing map: name of the only layer to read (default: all layers of lines)</extracomment>
   <translation>Vorhandene Karte: Name des einzigen Layers, der gelesen wird (Standard: alle Linienlayer)</translation>
  </message>
  <message>
   <source>help:DiffOptions.min_length_m</source>
   <extracomment>Merge pieces shorter than this into the adjacent piece of their line</extracomment>
   <translation>Kürzere Stücke einer Linie werden dem Nachbarstück zugeschlagen</translation>
  </message>
  <message>
   <source>help:DiffOptions.sort</source>
   <extracomment>Order of the output: most certain first (probability) or most doubtful first (doubtful)</extracomment>
   <translation>Reihenfolge der Stücke: sicherste zuerst (probability) oder zweifelhafteste zuerst (doubtful)</translation>
  </message>
  <message>
   <source>help:DiffOptions.where</source>
   <extracomment>Existing map: SQL condition for features to read (default: all; of OpenStreetMap files, the roads)</extracomment>
   <translation>Vorhandene Karte: SQL-Bedingung für die Objekte, die gelesen werden (Standard: alle; bei OpenStreetMap-Dateien die Straßen)</translation>
  </message>
  <message>
   <source>help:DiffOptions.within</source>
   <extracomment>Process only the area inside these polygons, in any CRS</extracomment>
   <translation>Nur die Fläche innerhalb dieser Polygone wird verarbeitet; das KBS ist beliebig</translation>
  </message>
  <message>
   <source>help:LineOptions.faint</source>
   <extracomment>Trace lines from this share of the threshold up; faint lines that are unlikely to be roads are dropped again</extracomment>
   <translation>Linien ab diesem Anteil des Schwellenwerts verfolgen; schwache Linien, die wahrscheinlich keine Straßen sind, werden wieder verworfen</translation>
  </message>
  <message>
   <source>help:LineOptions.max_gap_m</source>
   <extracomment>Longest gap to bridge where a road is likely to continue (0: bridge none)</extracomment>
   <translation>Längste Lücke, die überbrückt wird, wo die Wahrscheinlichkeit es stützt; 0 lässt Lücken offen</translation>
  </message>
  <message>
   <source>help:LineOptions.min_confidence</source>
   <extracomment>Bridge gaps only where the estimated chance of a road is at least this</extracomment>
   <translation>Lücken nur dort überbrücken, wo die geschätzte Wahrscheinlichkeit einer Straße mindestens so groß ist</translation>
  </message>
  <message>
   <source>help:LineOptions.min_face_m2</source>
   <extracomment>Open faces of the network smaller than this by dropping one side (0: keep all)</extracomment>
   <translation>Kleinere Maschen des Netzes öffnen, indem eine Seite entfällt (0: alle behalten)</translation>
  </message>
  <message>
   <source>help:LineOptions.min_length_m</source>
   <extracomment>Drop isolated pieces of road shorter than this</extracomment>
   <translation>Kürzere Straßenstücke ohne Anschluss entfallen</translation>
  </message>
  <message>
   <source>help:LineOptions.min_worth</source>
   <extracomment>Drop lines whose estimated chance of being a road is lower than this (0: keep all)</extracomment>
   <translation>Linien verwerfen, deren geschätzte Wahrscheinlichkeit, eine Straße zu sein, kleiner ist (0: alle behalten)</translation>
  </message>
  <message>
   <source>help:LineOptions.spur_widths</source>
   <extracomment>Drop dead-end spurs shorter than this many road widths</extracomment>
   <translation>Sackgassen, die kürzer sind als so viele Straßenbreiten, entfallen</translation>
  </message>
  <message>
   <source>help:PredictOptions.aoi</source>
   <extracomment>Process only the area inside these polygons, in any CRS</extracomment>
   <translation>Nur die Fläche innerhalb dieser Polygone wird verarbeitet; das KBS ist beliebig</translation>
  </message>
  <message>
   <source>help:PredictOptions.assume_crs</source>
   <extracomment>CRS to assume if the raster has none (default: that of the layer in QGIS)</extracomment>
   <translation>KBS, das angenommen wird, wenn das Raster keines hat (Standard: das des Layers in QGIS)</translation>
  </message>
  <message>
   <source>help:PredictOptions.backend</source>
   <extracomment>Inference backend; auto uses the fastest one installed, on a GPU if it sees one</extracomment>
   <translation>Laufzeitumgebung des Modells: auto (die schnellste installierte), openvino, onnxruntime oder tensorflow</translation>
  </message>
  <message>
   <source>help:PredictOptions.bands</source>
   <extracomment>Bands to use: one (greyscale) or as many as the model has, in its order (default: chosen by colour)</extracomment>
   <translation>Zu verwendende Kanäle: einer (Graustufen) oder so viele, wie das Modell hat, in dessen Reihenfolge (Standard: nach Farbe gewählt)</translation>
  </message>
  <message>
   <source>help:PredictOptions.batch_size</source>
   <extracomment>Number of windows per inference batch (default: chosen by the backend)</extracomment>
   <translation>Anzahl der Fenster, die zugleich durch das Modell gehen (Standard: die der Laufzeitumgebung)</translation>
  </message>
  <message>
   <source>help:PredictOptions.bounds</source>
   <extracomment>Process only this rectangle, in any CRS</extracomment>
   <translation>Nur dieses Rechteck wird verarbeitet; das KBS ist beliebig</translation>
  </message>
  <message>
   <source>help:PredictOptions.colour_table</source>
   <extracomment>Add a colour table to the probability raster, so that any viewer shows it in colour; overviews then contain the nearest colour instead of the exact mean</extracomment>
   <translation>Dem Raster der Wahrscheinlichkeit eine Farbtabelle mitgeben, sodass jedes Programm es farbig zeigt; Übersichten enthalten dann die nächstliegende Farbe statt des genauen Mittels</translation>
  </message>
  <message>
   <source>help:PredictOptions.model</source>
   <extracomment>Shipped model that finds the roads</extracomment>
   <translation>Welches der mitgelieferten Modelle die Straßen findet</translation>
  </message>
  <message>
   <source>help:PredictOptions.native_gsd</source>
   <extracomment>Keep the scene's own pixel size instead of resampling to the model's GSD</extracomment>
   <translation>Die Pixel der Szene bleiben, wie groß auch immer die des Modells sind</translation>
  </message>
  <message>
   <source>help:PredictOptions.nodata</source>
   <extracomment>Nodata value of a scene that does not mark its empty pixels; auto detects black or white collars</extracomment>
   <translation>Nodata-Wert einer Szene, die ihre leeren Pixel nicht kennzeichnet; auto erkennt schwarze oder weiße Ränder</translation>
  </message>
  <message>
   <source>help:PredictOptions.overlap_px</source>
   <extracomment>Overlap between neighbouring windows</extracomment>
   <translation>Überlappung benachbarter Fenster</translation>
  </message>
  <message>
   <source>help:PredictOptions.precision</source>
   <extracomment>Numerical precision; auto uses the fastest one that is safe</extracomment>
   <translation>Rechengenauigkeit: auto (die schnellste sichere), float32, bfloat16 oder int8</translation>
  </message>
  <message>
   <source>help:PredictOptions.subdataset</source>
   <extracomment>Raster to read from a file that contains several: its number (from 1) or its name</extracomment>
   <translation>Raster, das aus einer Datei mit mehreren gelesen wird: seine Nummer (ab 1) oder sein Name</translation>
  </message>
  <message>
   <source>help:PredictOptions.threads</source>
   <extracomment>CPU threads (default: all)</extracomment>
   <translation>Prozessor-Threads für das Modell (Standard: alle)</translation>
  </message>
  <message>
   <source>help:PredictOptions.tta</source>
   <extracomment>Test-time augmentation: d4 averages predictions over the eight symmetries of each window, which takes eight times as long</extracomment>
   <translation>Augmentierung beim Vorhersagen: d4 mittelt die Antworten des Modells über die acht Symmetrien eines Fensters und braucht die achtfache Zeit</translation>
  </message>
  <message>
   <source>help:VectorizeOptions.geometry</source>
   <extracomment>Output geometry: road polygons, a network of road lines, or both</extracomment>
   <translation>Was herauskommt: Straßenpolygone, ein Netz von Straßenlinien oder beides</translation>
  </message>
  <message>
   <source>help:VectorizeOptions.min_area_m2</source>
   <extracomment>Drop road areas smaller than this</extracomment>
   <translation>Kleinere Straßenflächen entfallen</translation>
  </message>
  <message>
   <source>help:VectorizeOptions.min_hole_m2</source>
   <extracomment>Fill holes smaller than this</extracomment>
   <translation>Kleinere Löcher werden gefüllt</translation>
  </message>
  <message>
   <source>help:VectorizeOptions.simplify_m</source>
   <extracomment>Simplification tolerance (0: keep the pixel outlines; default: 1 m for lines, 1.5 pixels for polygons)</extracomment>
   <translation>Toleranz beim Vereinfachen von Umrissen und Linien; 0 behält die Umrisse der Pixel</translation>
  </message>
  <message>
   <source>help:VectorizeOptions.threshold</source>
   <extracomment>Minimum probability for a pixel to count as road (default: the model's threshold)</extracomment>
   <translation>Wahrscheinlichkeit, ab der ein Pixel Straße ist (Standard: die des Modells)</translation>
  </message>
  <message>
   <source>label:ANGLE</source>
   <extracomment>Maximum angle between matching lines</extracomment>
   <translation>Größter Winkel zwischen übereinstimmenden Linien</translation>
  </message>
  <message>
   <source>label:AOI</source>
   <extracomment>Area of interest (polygons)</extracomment>
   <translation>Interessengebiet (Polygone)</translation>
  </message>
  <message>
   <source>label:ASSUME_CRS</source>
   <extracomment>CRS to assume if the raster has none</extracomment>
   <translation>Anzunehmendes KBS, wenn das Raster keines hat</translation>
  </message>
  <message>
   <source>label:BACKEND</source>
   <extracomment>Backend</extracomment>
   <translation>Laufzeitumgebung</translation>
  </message>
  <message>
   <source>label:BANDS</source>
   <extracomment>Bands, in the model's order</extracomment>
   <translation>Kanäle, in der Reihenfolge des Modells</translation>
  </message>
  <message>
   <source>label:BATCH_SIZE</source>
   <extracomment>Windows per batch</extracomment>
   <translation>Fenster je Stapel</translation>
  </message>
  <message>
   <source>label:BUFFER</source>
   <extracomment>Maximum distance between matching lines</extracomment>
   <translation>Größter Abstand übereinstimmender Linien</translation>
  </message>
  <message>
   <source>label:COLOUR_TABLE</source>
   <extracomment>Colour table</extracomment>
   <translation>Farbtabelle</translation>
  </message>
  <message>
   <source>label:EXTENT</source>
   <extracomment>Extent to process</extracomment>
   <translation>Zu verarbeitende Ausdehnung</translation>
  </message>
  <message>
   <source>label:FAINT</source>
   <extracomment>Faint lines: share of the threshold to trace from</extracomment>
   <translation>Schwache Linien: Anteil des Schwellenwerts</translation>
  </message>
  <message>
   <source>label:GEOMETRY</source>
   <extracomment>Geometry</extracomment>
   <translation>Geometrie</translation>
  </message>
  <message>
   <source>label:LAYER</source>
   <extracomment>Layer of the existing map</extracomment>
   <translation>Layer der vorhandenen Karte</translation>
  </message>
  <message>
   <source>label:MAX_GAP</source>
   <extracomment>Longest gap to bridge</extracomment>
   <translation>Längste zu überbrückende Lücke</translation>
  </message>
  <message>
   <source>label:MIN_AREA</source>
   <extracomment>Minimum road area</extracomment>
   <translation>Kleinste Straßenfläche</translation>
  </message>
  <message>
   <source>label:MIN_CONFIDENCE</source>
   <extracomment>Minimum confidence of a bridged gap</extracomment>
   <translation>Mindestsicherheit einer überbrückten Lücke</translation>
  </message>
  <message>
   <source>label:MIN_FACE</source>
   <extracomment>Smallest face of the network</extracomment>
   <translation>Kleinste Masche des Netzes</translation>
  </message>
  <message>
   <source>label:MIN_HOLE</source>
   <extracomment>Minimum hole area</extracomment>
   <translation>Kleinstes Loch</translation>
  </message>
  <message>
   <source>label:MIN_LENGTH</source>
   <extracomment>Minimum length of isolated roads</extracomment>
   <translation>Mindestlänge einzelner Straßen</translation>
  </message>
  <message>
   <source>label:MIN_SPUR</source>
   <extracomment>Minimum dead-end length, in road widths</extracomment>
   <translation>Mindestlänge von Sackgassen, in Straßenbreiten</translation>
  </message>
  <message>
   <source>label:MIN_WORTH</source>
   <extracomment>Minimum probability that a line is a road</extracomment>
   <translation>Mindestwahrscheinlichkeit einer Straße</translation>
  </message>
  <message>
   <source>label:MODEL</source>
   <extracomment>Model</extracomment>
   <translation>Modell</translation>
  </message>
  <message>
   <source>label:NATIVE_GSD</source>
   <extracomment>Process at the scene's own resolution</extracomment>
   <translation>Auflösung der Szene beibehalten</translation>
  </message>
  <message>
   <source>label:NODATA</source>
   <extracomment>Nodata value</extracomment>
   <translation>Nodata-Wert</translation>
  </message>
  <message>
   <source>label:OVERLAP</source>
   <extracomment>Overlap of neighbouring windows</extracomment>
   <translation>Überlappung benachbarter Fenster</translation>
  </message>
  <message>
   <source>label:PRECISION</source>
   <extracomment>Precision</extracomment>
   <translation>Rechengenauigkeit</translation>
  </message>
  <message>
   <source>label:SIMPLIFY</source>
   <extracomment>Simplification tolerance</extracomment>
   <translation>Toleranz beim Vereinfachen</translation>
  </message>
  <message>
   <source>label:SORT</source>
   <extracomment>Order</extracomment>
   <translation>Reihenfolge</translation>
  </message>
  <message>
   <source>label:SUBDATASET</source>
   <extracomment>Subdataset</extracomment>
   <translation>Subdatensatz</translation>
  </message>
  <message>
   <source>label:THREADS</source>
   <extracomment>Threads</extracomment>
   <translation>Threads</translation>
  </message>
  <message>
   <source>label:THRESHOLD</source>
   <extracomment>Threshold</extracomment>
   <translation>Schwellenwert</translation>
  </message>
  <message>
   <source>label:TTA</source>
   <extracomment>Test-time augmentation</extracomment>
   <translation>Augmentierung beim Vorhersagen</translation>
  </message>
  <message>
   <source>label:WHERE</source>
   <extracomment>Condition for features of the existing map</extracomment>
   <translation>Bedingung für Objekte der vorhandenen Karte</translation>
  </message>
  <message>
   <source>{}, compared with the map</source>
   <translation>{}, verglichen mit der Karte</translation>
  </message>
 </context>
</TS>

"""Holds the texts of a case's report in each language, English first; every language has all keys.

Sentences that the analysis itself writes (reasons, cautions, rates) are English in every language:
they are findings, kept as they were stored.
"""

from __future__ import annotations

from ...detector.errors import ForensicsError

_ENGLISH = {
    "case": "Case",
    "made": "Made {made} by FiftyOne Deepfake Forensics {version}, which examines faces only.",
    "for": "For {organisation}",
    "files": "Files",
    "file": "File",
    "findings": "Findings",
    "verdict": "Verdict",
    "score": "Score",
    "person": "Person",
    "persons": "Persons",
    "faces": "Scored faces",
    "detector": "Detector",
    "threshold": "Threshold",
    "usable": "Usable frames",
    "coverage": "{usable} of {tried} frames show a usable face",
    "comparable": "Error rates on comparable material",
    "driving": "Frames that weigh most",
    "frame": "frame {number}",
    "over_time": "p_fake of each person over time",
    "seconds": "seconds",
    "frame_axis": "frame",
    "dashed": "{unit} (dashed: threshold {value})",
    "in_app": "in the App",
    "says": "What the file itself says",
    "says_note": "Read from the file, and never mixed with the scores. Whoever can write a file "
    "can make it say this; that something is missing means nothing.",
    "copies": "Copies and near duplicates",
    "no_copies": "None in this case, nor among the datasets that it was compared with.",
    "in_case": "in this case: {name}",
    "moved": "There is no file at {path} any more. What was found is kept; its sha256 says which "
    "file it was.",
    "changed": "At {path} there is another file now, with the sha256 {sha256}. What was found is "
    "that of the earlier file, whose sha256 is above.",
    "outside": "Whether the file is still at {path} was not looked at: this server does not allow "
    "its folder.",
    "unread": "Whether the file at {path} is still the same was not checked: it was not read for "
    "this report.",
    "path": "Path",
    "analyzed": "Analyzed",
    "definitions": "Definitions",
    "limits": "Limits",
    "overview": "Overview",
    "scores_page": "Scores, plots and tables of the detector {key}",
    "nothing": "not analyzed",
    "no_faces": "No face was found.",
    "reasons": "Why, and what to consider",
    "def_score": "Output of the detector for a person: its p_fake by the named rule over the "
    "scored faces, 0 to 1. It is not the probability that the file is manipulated.",
    "def_verdict": "A person is called fake if its score is at or above the threshold (raised for "
    "several persons). Below it there is no sign of what this detector knows, which is no "
    "proof. Without enough faces, or with a detector too weak, there is no verdict.",
    "def_threshold": "The value from which fake is called, with the data on which it was chosen. "
    "On material unlike that, it promises nothing.",
    "def_faces": "Faces that were found, aligned and scored, of all that were found of the person.",
    "def_comparable": "On videos of audited datasets, scored by the same detector, whose faces are "
    "of like size (within a factor of 1.5) and sharpness (factor 2) and, if named, compression: "
    "the share of reals called fake and of fakes missed at the threshold of this person, with "
    "95 % intervals over independent groups. Left out are the file itself and what the detector "
    "is known to have been trained, validated or calibrated on; where its training material is "
    "not known, the sentence says so.",
    "def_driving": "The frames whose faces weigh most for the verdict, the strongest first.",
    "def_coverage": "Frames that were tried, and those that gave a face. Others have a reason.",
    "def_says": "Container, streams, encoder, times, key frames, boxes, EXIF, XMP and C2PA, as in "
    "docs/case.md of the plugin.",
    "def_copies": "The same bytes (sha256), or half of 16 frames within 10 of 64 bits of pHash "
    "(Zauner 2010): it survives scaling and recompression, not cropping or mirroring.",
    "def_sha256": "The hash of the file's bytes: another file has another one.",
}
_GERMAN = {
    "case": "Fall",
    "made": "Erstellt am {made} mit FiftyOne Deepfake Forensics {version}; untersucht werden nur "
    "Gesichter.",
    "for": "Für {organisation}",
    "files": "Dateien",
    "file": "Datei",
    "findings": "Befunde",
    "verdict": "Urteil",
    "score": "Wert",
    "person": "Person",
    "persons": "Personen",
    "faces": "Bewertete Gesichter",
    "detector": "Detektor",
    "threshold": "Schwelle",
    "usable": "Brauchbare Bilder",
    "coverage": "{usable} von {tried} Bildern zeigen ein brauchbares Gesicht",
    "comparable": "Fehlerraten an vergleichbarem Material",
    "driving": "Bilder mit dem größten Gewicht",
    "frame": "Bild {number}",
    "over_time": "p_fake jeder Person im Verlauf",
    "seconds": "Sekunden",
    "frame_axis": "Bild",
    "dashed": "{unit} (gestrichelt: Schwelle {value})",
    "in_app": "in der App",
    "says": "Was die Datei selbst angibt",
    "says_note": "Aus der Datei gelesen und nie mit den Werten vermischt. Wer eine Datei schreiben "
    "kann, kann sie das angeben lassen; dass etwas fehlt, bedeutet nichts.",
    "copies": "Kopien und Beinahe-Dubletten",
    "no_copies": "Keine in diesem Fall und keine in den verglichenen Datensätzen.",
    "in_case": "in diesem Fall: {name}",
    "moved": "Unter {path} liegt keine Datei mehr. Die Befunde bleiben; der SHA-256-Wert sagt, "
    "welche Datei es war.",
    "changed": "Unter {path} liegt jetzt eine andere Datei, mit dem SHA-256-Wert {sha256}. Die "
    "Befunde gehören zu der früheren, deren SHA-256-Wert oben steht.",
    "outside": "Ob die Datei noch unter {path} liegt, wurde nicht geprüft: Ihr Ordner ist auf "
    "diesem Server nicht erlaubt.",
    "unread": "Ob die Datei unter {path} noch dieselbe ist, wurde nicht geprüft: Sie wurde für "
    "diesen Bericht nicht gelesen.",
    "path": "Pfad",
    "analyzed": "Untersucht",
    "definitions": "Definitionen",
    "limits": "Grenzen",
    "overview": "Übersicht",
    "scores_page": "Werte, Diagramme und Tabellen des Detektors {key}",
    "nothing": "nicht untersucht",
    "no_faces": "Es wurde kein Gesicht gefunden.",
    "reasons": "Warum, und was zu bedenken ist",
    "def_score": "Ausgabe des Detektors für eine Person: p_fake nach der genannten Regel über die "
    "bewerteten Gesichter, 0 bis 1. Es ist nicht die Wahrscheinlichkeit einer Manipulation.",
    "def_verdict": "Eine Person gilt als gefälscht, wenn ihr Wert die (bei mehreren Personen "
    "angehobene) Schwelle erreicht. Darunter gibt es kein Zeichen dessen, was der Detektor "
    "kennt; das ist kein Beweis. Ohne genug Gesichter oder bei zu schwachem Detektor gibt es "
    "kein Urteil.",
    "def_threshold": "Der Wert, ab dem etwas als gefälscht gilt, und die Daten, an denen er "
    "gewählt wurde. An anderem Material verspricht er nichts.",
    "def_faces": "Gefundene, ausgerichtete und bewertete Gesichter von allen der Person.",
    "def_comparable": "An Videos geprüfter Datensätze, die derselbe Detektor bewertet hat, mit "
    "Gesichtern ähnlicher Größe (Faktor 1,5) und Schärfe (Faktor 2) und, falls genannt, gleicher "
    "Kompression: Anteil der echten, die als gefälscht gelten, und der verpassten Fälschungen "
    "bei der Schwelle dieser Person, mit 95-%-Intervallen über unabhängige Gruppen. Nicht dabei "
    "sind die Datei selbst und alles, woran der Detektor bekanntlich trainiert, validiert oder "
    "kalibriert wurde; wo sein Trainingsmaterial nicht bekannt ist, steht das im Satz.",
    "def_driving": "Die Bilder, deren Gesichter für das Urteil am meisten wiegen, das stärkste "
    "zuerst.",
    "def_coverage": "Versuchte Bilder und solche mit Gesicht. Alle anderen haben einen Grund.",
    "def_says": "Container, Ströme, Encoder, Zeiten, Schlüsselbilder, Boxen, EXIF, XMP und C2PA, "
    "wie in docs/case.md des Plugins.",
    "def_copies": "Dieselben Bytes (SHA-256), oder die Hälfte von 16 Bildern innerhalb von 10 der "
    "64 Bits von pHash (Zauner 2010): übersteht Skalierung und Kompression, nicht Zuschnitt "
    "oder Spiegelung.",
    "def_sha256": "Der Hash der Bytes: Eine andere Datei hat einen anderen.",
}
#: What the file reading and :data:`.limits.ALWAYS` say in English, in their order.
LIMITS = {
    "de": (
        "Ton wird nicht untersucht: weder Stimme noch Schnitt noch Synchronität.",
        "Doppelte Kompression wird nicht beurteilt: Kein Verfahren dafür ist eingebaut, das "
        "einfach genug wäre, um es hier zu belegen. Quantisierungstabellen und Abstände der "
        "Schlüsselbilder stehen da, wie sie sind.",
        "Etiketten, Zeiten und Namen sind das, was die Datei über sich selbst angibt. Wer "
        "eine Datei schreiben kann, kann sie schreiben; dass sie fehlen, bedeutet nichts.",
        "p_fake ist die Ausgabe eines Detektors für Manipulationen an Gesichtern von den "
        "Arten, an denen er trainiert wurde. Es ist nicht die Wahrscheinlichkeit, dass ein "
        "Video manipuliert ist, und sagt nichts über Ton, Texte oder Zusammenhang.",
        "Montage, Schönheitsfilter, Einblendungen und starke Kompression können p_fake bei "
        "echten Gesichtern erhöhen; ganz synthetische Gesichter und kleine Änderungen der "
        "Lippen können es niedrig lassen. Fehlerraten gelten für Material wie das, an dem sie "
        "gemessen wurden.",
        "Ein Gesicht oder Video, das nicht bewertet werden konnte, hat einen Grund statt "
        "eines Wertes. Es zählt in keiner Rate und wurde nicht als echt genommen.",
        "Intervalle sind solche zu 95 %. Gesichter eines Videos und Videos aus einer Quelle "
        "gelten nicht als unabhängig; bei wenigen unabhängigen Gruppen ist ein Intervall "
        "weit, unter fünf gibt es keines.",
    )
}
TEXTS = {"en": _ENGLISH, "de": _GERMAN}


def texts_of(language: str) -> dict[str, str]:
    """Return the texts of a language by their keys.

    Raises:
        ForensicsError: there is no such language
    """
    if language not in TEXTS:
        raise ForensicsError(
            f"There are no texts in the language {language!r}.",
            f"Known: {', '.join(TEXTS)}.",
            "language",
        )
    return TEXTS[language]

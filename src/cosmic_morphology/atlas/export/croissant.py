"""The Croissant description of an export: what ``mlcroissant`` and data set search read.

After the Croissant format specification 1.0 of MLCommons. Every data file is named with its
SHA-256; the records of each split can be read through it.
"""

from __future__ import annotations

import json
from typing import Any

import pyarrow as pa

from cosmic_morphology.atlas.export.description import Description
from cosmic_morphology.atlas.export.rows import COLUMNS
from cosmic_morphology.safe_text import safe_json

# The names of the format, as its specification gives them.
_CONTEXT: dict[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "equivalentProperty": "cr:equivalentProperty",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "extract": "cr:extract",
    "field": "cr:field",
    "fileProperty": "cr:fileProperty",
    "fileObject": "cr:fileObject",
    "fileSet": "cr:fileSet",
    "format": "cr:format",
    "includes": "cr:includes",
    "isLiveDataset": "cr:isLiveDataset",
    "jsonPath": "cr:jsonPath",
    "key": "cr:key",
    "md5": "cr:md5",
    "parentField": "cr:parentField",
    "path": "cr:path",
    "recordSet": "cr:recordSet",
    "references": "cr:references",
    "regex": "cr:regex",
    "repeated": "cr:repeated",
    "replace": "cr:replace",
    "samplingRate": "cr:samplingRate",
    "sc": "https://schema.org/",
    "separator": "cr:separator",
    "source": "cr:source",
    "subField": "cr:subField",
    "transform": "cr:transform",
}
_MEDIA_TYPES = {
    "csv": "text/csv",
    "parquet": "application/x-parquet",
    "tar": "application/x-tar",
}


def croissant_text(about: Description) -> str:
    """The ``croissant.json`` of an export."""
    files = [_file_object(each.name, each.sha256, each.n_bytes) for each in about.files]
    sets, records = [], []
    for split in dict.fromkeys(each.split for each in about.files):
        source, more = _source(about, split)
        sets += more
        records.append(_record_set(about, split, source))
    if about.format_ == "imagefolder":
        sets.append(_file_set("images", "*/*/*.*", "image/jpeg"))
    licences = sorted({key[2] for key in about.counts.credits if key[2]})
    found = {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": "http://mlcommons.org/croissant/1.0",
        "name": about.name,
        "description": about.sentence(),
        "citeAs": about.citation(),
        "license": licences or ["not stated"],
        "creator": {"@type": "sc:Organization", "name": "the archives in the file of credits"},
        "datePublished": f"{about.date:%Y-%m-%d}",
        "version": about.version,
        "keywords": ["astronomy", "image classification", *about.classes],
        "distribution": [*files, *sets],
        "recordSet": records,
    }
    return json.dumps(json.loads(safe_json(found)), indent=1, ensure_ascii=True) + "\n"


def _source(about: Description, split: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Where the records of a split are read, and the sets of files that this needs."""
    names = [each.name for each in about.files if each.split == split]
    if about.format_ == "webdataset":
        name = f"{split or 'all'}-json"
        return {"fileSet": {"@id": name}}, [_file_set(name, "*.json", "application/json", names)]
    if len(names) == 1:
        return {"fileObject": {"@id": names[0]}}, []
    name = f"{split}-files"
    pattern = f"data/{split}-*.parquet"
    return {"fileSet": {"@id": name}}, [_file_set(name, pattern, _MEDIA_TYPES["parquet"])]


def _file_object(name: str, sha256: str, n_bytes: int) -> dict[str, Any]:
    return {
        "@type": "cr:FileObject",
        "@id": name,
        "name": name,
        "contentUrl": name,
        "contentSize": f"{n_bytes} B",
        "encodingFormat": _MEDIA_TYPES.get(name.rpartition(".")[2].lower(), "text/csv"),
        "sha256": sha256,
    }


def _file_set(
    name: str, pattern: str, media_type: str, within: list[str] | None = None
) -> dict[str, Any]:
    inside = {"containedIn": [{"@id": each} for each in within]} if within else {}
    return {
        "@type": "cr:FileSet",
        "@id": name,
        "name": name,
        **inside,
        "encodingFormat": media_type,
        "includes": pattern,
    }


def _record_set(about: Description, split: str, source: dict[str, Any]) -> dict[str, Any]:
    name = split or "all"
    if about.format_ == "webdataset":
        fields = [_json_field(name, source)]
    else:
        fields = [
            _field(name, column, meaning, _data_type(type_), source, {"column": column})
            for column, (type_, meaning) in COLUMNS.items()
        ]
    if about.format_ in ("parquet", "hf"):
        image = _field(name, "image", "the image", "sc:ImageObject", source, {"column": "image"})
        image["source"]["transform"] = {"jsonPath": "bytes"}
        fields = [image, *(_as_in_parquet(each, about) for each in fields)]
    return {"@type": "cr:RecordSet", "@id": name, "name": name, "field": fields}


def _field(
    records: str,
    column: str,
    meaning: str,
    type_: str,
    source: dict[str, Any],
    extract: dict[str, str],
) -> dict[str, Any]:
    return {
        "@type": "cr:Field",
        "@id": f"{records}/{column}",
        "name": column,
        "description": meaning,
        "dataType": type_,
        "source": {**source, "extract": extract},
    }


def _json_field(records: str, source: dict[str, Any]) -> dict[str, Any]:
    # mlcroissant cannot take fields out of JSON that lies in a tar.
    meaning = f"what is known of an image, as JSON: {', '.join(COLUMNS)}"
    return _field(records, "json", meaning, "sc:Text", source, {"fileProperty": "content"})


def _as_in_parquet(field: dict[str, Any], about: Description) -> dict[str, Any]:
    if pa.types.is_list(COLUMNS[field["name"]][0]):
        return {**field, "repeated": True}
    if field["name"] == "label" and about.format_ == "hf":
        numbered = ", ".join(f"{number} {each}" for number, each in enumerate(about.classes))
        return {**field, "dataType": "sc:Integer", "description": f"its class: {numbered}"}
    return field


def _data_type(type_: pa.DataType) -> str:
    if pa.types.is_floating(type_):
        return "sc:Float"
    return "sc:Integer" if pa.types.is_integer(type_) else "sc:Text"

"""The comments of the protos, which describe the API in its OpenAPI document."""

import re
from collections.abc import Sequence
from importlib.resources import files

from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet

# A single line break within a paragraph, unless a list item follows.
_WRAPPED = re.compile(r"(?<!\n)\n(?![\n*-])")
# `[google.type.Date][google.type.Date]`, as Google's protos refer to each other.
_CROSS_REFERENCE = re.compile(r"\[([\w.]+)\]\[[\w.]+\]")

Comments = dict[str, str]
"""By full name of a service, method, message, field or enum; an enum value under the name of its enum."""


def read_comments() -> Comments:
    """The comments of all protos, from the descriptors that are packed with the generated code.

    They are read anew with each call: they serve once, and would take megabytes if they stayed.
    """
    packed = FileDescriptorSet.FromString((files("rotunda_protos") / "descriptors.binpb").read_bytes())
    comments: Comments = {}
    for file in packed.file:
        for location in file.source_code_info.location:
            text = location.leading_comments or location.trailing_comments
            if text:
                name = _name(file, location.path)
                if name:
                    comments[name] = _clean(text)
    return comments


def _name(file: FileDescriptorProto, path: Sequence[int]) -> str:
    """The full name of what stands at a path of field numbers and positions; empty for options and the like."""
    names = [file.package]
    node: object = file
    # An odd path ends in a list of the descriptor, or in one of its plain values: no named thing.
    if len(path) % 2:
        return ""
    for number, position in zip(path[::2], path[1::2], strict=True):
        field = node.DESCRIPTOR.fields_by_number[number]  # type: ignore[attr-defined] # a message at every step
        if not field.is_repeated or field.message_type is None:
            return ""
        node = getattr(node, field.name)[position]
        name = getattr(node, "name", None)
        if not isinstance(name, str):
            return ""
        names.append(name)
    return ".".join(names)


def _clean(text: str) -> str:
    lines = "\n".join(line.strip() for line in text.strip().splitlines())
    return _CROSS_REFERENCE.sub(r"\1", _WRAPPED.sub(" ", lines))

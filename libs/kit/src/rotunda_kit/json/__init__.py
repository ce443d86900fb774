"""JSON as the API speaks it, by converters that are compiled once a message type.

`google.protobuf.json_format` does the same some three times slower, stops at the first wrong field, and writes enum
values with their prefixes; it is the oracle of this package's tests.
"""

from rotunda_kit.json.decode import Decode, Decoded, decoder
from rotunda_kit.json.encode import encoder, fields_left_out
from rotunda_kit.json.text import scalar_from_text

__all__ = ["Decode", "Decoded", "decoder", "encoder", "fields_left_out", "scalar_from_text"]

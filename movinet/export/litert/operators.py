"""Which operators a LiteRT file holds, and those that no plain runtime has."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

from movinet.export.errors import ExportError

FORBIDDEN = ("CONV_3D", "CONV_3D_TRANSPOSE", "CUSTOM")  # Flex operators and 3-D pools are custom ones


@dataclass(frozen=True)
class Operator:
    """One operator of a file: its name, a custom one's own, and the tensor it makes, named after the layer."""

    name: str
    tensor: str
    forbidden: bool


def operators(content: bytes) -> list[Operator]:
    """All operators of a LiteRT file's content, in order."""
    from tensorflow.lite.python import schema_py_generated as schema

    names = {value: name for name, value in vars(schema.BuiltinOperator).items() if not name.startswith("_")}
    model: Any = schema.Model.GetRootAs(content, 0)  # reads what is asked for; the object form unpacks all weights
    found = []
    for graph in map(model.Subgraphs, range(model.SubgraphsLength())):
        for operator in map(graph.Operators, range(graph.OperatorsLength())):
            code = model.OperatorCodes(operator.OpcodeIndex())
            # Files from before 2020 have the code in one byte only.
            name = names[max(code.BuiltinCode(), code.DeprecatedBuiltinCode())]
            own = code.CustomCode().decode() if code.CustomCode() else name
            tensor = graph.Tensors(operator.Outputs(0)).Name().decode() if operator.OutputsLength() else ""
            found.append(Operator(own, tensor, name in FORBIDDEN))
    return found


def check_operators(content: bytes, file: str) -> dict[str, int]:
    """How many there are of each operator. Raises ExportError that names the layer of one that is not allowed."""
    found = operators(content)
    bad = [operator for operator in found if operator.forbidden]
    if bad:
        places = ", ".join(f"{operator.name} in {operator.tensor}" for operator in bad[:4])
        more = f" and {len(bad) - 4} more" if len(bad) > 4 else ""
        raise ExportError(f"{file}: {places}{more} is not allowed; allowed: LiteRT's builtin operators, no 3-D ones")
    return dict(Counter(operator.name for operator in found).most_common())

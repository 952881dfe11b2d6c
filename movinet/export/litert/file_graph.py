"""A LiteRT file taken apart, to be changed and put together again: who makes and who takes a tensor, its constants."""

from __future__ import annotations

from typing import Any

import flatbuffers
import numpy as np
from tensorflow.lite.python import schema_py_generated as schema

ADD, DEPTHWISE, MUL, RESHAPE = (
    getattr(schema.BuiltinOperator, name) for name in ("ADD", "DEPTHWISE_CONV_2D", "MUL", "RESHAPE")
)
FLOAT32, INT8 = schema.TensorType.FLOAT32, schema.TensorType.INT8
RELU6 = schema.ActivationFunctionType.RELU6


class FileGraph:
    """The operators and tensors of a file with one graph.

    tensors: by index; made_by: the operator that makes each, of those that one makes; taken_by: the operators that
    take each.
    """

    def __init__(self, content: bytes):
        self._model: Any = schema.ModelT.InitFromPackedBuf(content, 0)  # its inferred types are wrong
        graph = self._model.subgraphs[0]
        self.tensors: list[Any] = graph.tensors
        self.made_by: dict[int, Any] = {index: operator for operator in graph.operators for index in operator.outputs}
        self.taken_by: dict[int, list[Any]] = {index: [] for index in range(len(self.tensors))}
        for operator in graph.operators:
            for index in {*operator.inputs} & {*self.taken_by}:  # an input that is left out is -1
                self.taken_by[index].append(operator)

    @property
    def order(self) -> list[Any]:
        """The operators as the runtime takes them."""
        return self._model.subgraphs[0].operators

    @property
    def outputs(self) -> dict[str, int]:
        """Indices of the tensors that the file returns, by name."""
        return {output.name.decode(): output.tensorIndex for output in self._model.signatureDefs[0].outputs}

    @property
    def activations(self) -> list[int]:
        """Indices of the float tensors that are no constants."""
        tensors = enumerate(self.tensors)
        return [i for i, tensor in tensors if tensor.type == FLOAT32 and not self.constant(i).size]

    def kind(self, operator: Any) -> int:
        """The operator's number in the schema."""
        return self._model.operatorCodes[operator.opcodeIndex].builtinCode

    def constant(self, index: int) -> np.ndarray:
        """The numbers (N,) of a tensor of float constants; none for others."""
        tensor = self.tensors[index]
        data = self._model.buffers[tensor.buffer].data
        if data is None or tensor.type != FLOAT32:
            return np.empty(0, np.float32)
        return np.frombuffer(data, np.float32)

    def set_constant(self, index: int, numbers: np.ndarray) -> None:
        """Gives a tensor of constants other numbers."""
        self._model.buffers[self.tensors[index].buffer].data = np.frombuffer(numbers.astype("<f4").tobytes(), np.uint8)

    def set_range(self, index: int, low: float, high: float) -> None:
        """Tells TensorFlow's quantiser which values a tensor takes."""
        self.tensors[index].quantization = schema.QuantizationParametersT()
        self.tensors[index].quantization.min, self.tensors[index].quantization.max = [low], [high]

    def depthwise_in_float(self) -> None:
        """Takes the weights of depthwise convolutions back to float32 in a file of dynamic range.

        They are few, and with int8 ones no delegate takes the convolution, so that the graph falls into pieces.
        """
        buffers, left = self._model.buffers, set()
        filters = {operator.inputs[1] for operator in self.order if self.kind(operator) == DEPTHWISE}
        for index in filters:
            tensor = self.tensors[index]
            if tensor.type == INT8:
                whole = np.frombuffer(buffers[tensor.buffer].data, np.int8).reshape(tensor.shape)
                numbers = whole * np.asarray(tensor.quantization.scale, np.float32)  # by channel
                left.add(tensor.buffer)
                tensor.buffer, tensor.type, tensor.quantization = len(buffers), FLOAT32, None
                buffers.append(schema.BufferT())
                self.set_constant(index, numbers)
        for number in left - {tensor.buffer for tensor in self.tensors}:
            buffers[number].data = None

    def arrange(self) -> None:
        """Puts the operators in an order that the runtime is fast in; its converter makes states last of all.

        First what follows from the counts of frames alone, so that a delegate takes the rest in one piece; then what
        leads to the logits; and what only makes states as soon as it can, so that no past frames wait in memory.
        """
        graph = self._model.subgraphs[0]
        moving = {index for index in graph.inputs if self.tensors[index].type != schema.TensorType.INT32}
        wanted = self._leading_to(self.outputs["logits"])
        first, then, states = [], [], []
        for operator in self.order:
            inputs, outputs = {*operator.inputs}, {*operator.outputs}
            moving |= outputs if moving & inputs else set()
            (states if not wanted & outputs else then if moving & outputs else first).append(operator)
        order, missing = [], {*self.made_by}
        for operator in first + then:
            order.append(operator)
            missing -= {*operator.outputs}
            while ready := [state for state in states if not missing & {*state.inputs}]:
                order += ready
                missing -= {index for state in ready for index in state.outputs}
                states = [state for state in states if state not in ready]
        graph.operators = order + states

    def _leading_to(self, index: int) -> set[int]:
        """The tensors that one is made from, and itself."""
        found, to_see = {index}, [index]
        while to_see:
            maker = self.made_by.get(to_see.pop())
            new = {*maker.inputs} - found if maker else set()
            found |= new
            to_see += new
        return found

    def content(self) -> bytes:
        """The file."""
        builder = flatbuffers.Builder(0)
        builder.Finish(self._model.Pack(builder), b"TFL3")
        return bytes(builder.Output())


def ignored_below(graph: FileGraph) -> dict[int, float]:
    """By tensor: below which value it may as well be cut off, since a hard swish, x * relu6(x + 3), is 0 there."""
    found = {}
    for gate in (operator for users in graph.taken_by.values() for operator in users if _is_gate(graph, operator)):
        index, gates = gate.inputs[0], {gate.outputs[0]}
        gates |= {user.outputs[0] for user in graph.taken_by[gate.outputs[0]]}  # times a sixth
        others = [user for user in graph.taken_by[index] if user is not gate]
        if all(graph.kind(user) == MUL and gates & {*user.inputs} for user in others):
            (added,) = graph.constant(gate.inputs[1])
            found[index] = -float(added)
    for index, lowest in list(found.items()):  # a reshape's result has the range of what it takes
        maker = graph.made_by.get(index)
        if maker is not None and graph.kind(maker) == RESHAPE and len(graph.taken_by[maker.inputs[0]]) == 1:
            found[maker.inputs[0]] = lowest
    return found


def _is_gate(graph: FileGraph, operator: Any) -> bool:
    if graph.kind(operator) != ADD or operator.builtinOptions.fusedActivationFunction != RELU6:
        return False
    return graph.constant(operator.inputs[1]).size == 1

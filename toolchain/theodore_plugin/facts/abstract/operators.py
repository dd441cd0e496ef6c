"""The names that facts give to ``ast``'s operators."""

from __future__ import annotations

import ast

BINARY: dict[type, str] = {
    ast.Add: "Add",
    ast.Sub: "Subtract",
    ast.Mult: "Multiply",
    ast.Div: "Divide",
    ast.FloorDiv: "FloorDivide",
    ast.Mod: "Modulo",
    ast.Pow: "Power",
    ast.LShift: "LeftShift",
    ast.RShift: "RightShift",
    ast.BitOr: "BitOr",
    ast.BitAnd: "BitAnd",
    ast.BitXor: "BitXor",
    ast.MatMult: "MatrixMultiply",
}
UNARY: dict[type, str] = {ast.UAdd: "Plus", ast.USub: "Minus", ast.Invert: "BitInvert", ast.Not: "Not"}

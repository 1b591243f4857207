"""Pages on the program: its verbs, and how it ends."""

from __future__ import annotations

import inspect
from typing import Any

import typer

from cosmic_morphology import errors
from cosmic_morphology.cli import app
from generate.markdown import cell, table, type_name


def cli_page() -> str:
    """Every verb with its arguments and options."""
    lines = [
        "# Command line",
        "",
        "`cosmic --help` lists the verbs; `cosmic VERB --help` explains one.",
        "",
    ]
    command = typer.main.get_command(app)
    for name, verb in _verbs(command, "cosmic"):
        lines += [f"## `{name}`", "", (verb.help or "").strip(), ""]
        rows = [_parameter(p) for p in verb.params if p.name != "help"]
        if rows:
            lines += table(("option", "value", "default", "meaning"), rows)
    return "\n".join(lines) + "\n"


def _verbs(command: Any, name: str) -> list[tuple[str, Any]]:
    children = getattr(command, "commands", None)
    if children is None:
        return [(name, command)]
    return [pair for key, child in children.items() for pair in _verbs(child, f"{name} {key}")]


def _parameter(parameter: Any) -> tuple[str, ...]:
    spelled = (
        (parameter.metavar or parameter.name.upper())
        if parameter.param_type_name == "argument"
        else ", ".join((*parameter.opts, *parameter.secondary_opts))
    )
    default = parameter.default
    if callable(default) or default in (None, (), [], False):
        default = ""
    is_flag = getattr(parameter, "is_flag", False)
    kind = "" if is_flag else parameter.metavar or _annotation(parameter)
    needed = "required" if parameter.required else cell(default)
    return f"`{spelled}`", f"`{kind}`" if kind else "", needed, parameter.help or ""


def _annotation(parameter: Any) -> str:
    annotation = parameter.type_descriptor.annotation
    return {"Path": "PATH", "str": "TEXT", "int": "N", "float": "NUMBER"}.get(
        getattr(annotation, "__name__", ""), type_name(annotation)
    )


def exit_codes_page() -> str:
    """Exit codes and the tree of errors."""
    lines = ["# Exit codes and errors", ""]
    lines += table(
        ("code", "meaning"),
        [
            ("0", "done"),
            ("1", "the run failed"),
            ("2", "wrong usage or bad input: one line says what, where, and what to do"),
            ("130", "stopped by Ctrl-C: run the same command again to resume"),
        ],
    )
    lines += [
        "",
        (inspect.getdoc(errors) or "")
        .replace("::\n", "\n```text", 1)
        .replace("\nEvery error says", "```\n\nEvery error says"),
    ]
    return "\n".join(lines) + "\n"

"""The comparison itself: blind to noise, and to nothing else."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from .cases import Json
from .comparison import compare
from .corpus import BY_NAME
from .normalisation import NORMALISATIONS
from .runs import Archive, Run, run_stock

_NOISY = (
    "error_in_time_magic",
    "format_4_0",
    "logging_and_warnings",
    "memory_addresses",
    "stream_stderr_between_stdout",
    "widget_state",
)


@pytest.mark.parametrize("name", _NOISY)
def test_papermill_equals_itself(archive: Archive, tmp_path: Path, name: str) -> None:
    case = BY_NAME[name]
    assert compare(case, archive.stock(case), run_stock(case, tmp_path / "again")) == []


def _cell(notebook: Json, index: int) -> Json:
    cell: Json = notebook["cells"][index]
    return cell


def _damage_source(notebook: Json) -> None:
    _cell(notebook, 0)["source"] += " "


def _damage_id(notebook: Json) -> None:
    _cell(notebook, 0)["id"] = "other"


def _damage_tags(notebook: Json) -> None:
    _cell(notebook, 0)["metadata"]["tags"] = []


def _damage_parameters(notebook: Json) -> None:
    notebook["metadata"]["papermill"]["parameters"]["yes"] = 1


def _damage_output(notebook: Json) -> None:
    _cell(notebook, 2)["outputs"][0]["data"]["text/plain"] += "."


def _damage_output_type(notebook: Json) -> None:
    _cell(notebook, 2)["outputs"][0]["output_type"] = "display_data"


def _lose_output(notebook: Json) -> None:
    _cell(notebook, 2)["outputs"].pop()


def _add_output(notebook: Json) -> None:
    stream = {"output_type": "stream", "name": "stdout", "text": "x"}
    _cell(notebook, 0)["outputs"].append(stream)


def _lose_cell(notebook: Json) -> None:
    notebook["cells"].pop()


def _swap_cells(notebook: Json) -> None:
    notebook["cells"].reverse()


def _damage_count(notebook: Json) -> None:
    _cell(notebook, 2)["execution_count"] += 1


def _damage_status(notebook: Json) -> None:
    _cell(notebook, 2)["metadata"]["papermill"]["status"] = "pending"


def _damage_exception(notebook: Json) -> None:
    notebook["metadata"]["papermill"]["exception"] = False


def _lose_cell_time(notebook: Json) -> None:
    _cell(notebook, 2)["metadata"]["papermill"]["start_time"] = None


def _lose_time_zone(notebook: Json) -> None:
    notebook["metadata"]["papermill"]["end_time"] = "2026-01-01T00:00:00"


def _lose_message_time(notebook: Json) -> None:
    del _cell(notebook, 2)["metadata"]["execution"]["shell.execute_reply"]


def _damage_language(notebook: Json) -> None:
    notebook["metadata"]["language_info"]["version"] = "2.7"


def _lose_kernelspec(notebook: Json) -> None:
    del notebook["metadata"]["kernelspec"]


def _damage_format(notebook: Json) -> None:
    notebook["nbformat_minor"] = 4


_DAMAGES = (
    _damage_source,
    _damage_id,
    _damage_tags,
    _damage_parameters,
    _damage_output,
    _damage_output_type,
    _lose_output,
    _add_output,
    _lose_cell,
    _swap_cells,
    _damage_count,
    _damage_status,
    _damage_exception,
    _lose_cell_time,
    _lose_time_zone,
    _lose_message_time,
    _damage_language,
    _lose_kernelspec,
    _damage_format,
)


@pytest.mark.parametrize("damage", _DAMAGES, ids=lambda damage: damage.__name__.lstrip("_"))
def test_damage_is_seen(archive: Archive, damage: Callable[[Json], None]) -> None:
    case = BY_NAME["parameters_plain"]
    sound = archive.stock(case)
    assert compare(case, sound, _damaged(sound, damage))


def _swap_children(notebook: Json) -> None:
    for model in _widgets(notebook).values():
        model["state"].get("children", []).reverse()


def _move_layout(notebook: Json) -> None:
    models = _widgets(notebook)
    text, box = (_named(models, name) for name in ("TextModel", "VBoxModel"))
    text["state"]["layout"] = box["state"]["layout"]


@pytest.mark.parametrize("damage", [_swap_children, _move_layout])
def test_widget_that_refers_to_another_one_is_seen(
    archive: Archive, damage: Callable[[Json], None]
) -> None:
    case = BY_NAME["widget_state"]
    sound = archive.stock(case)
    assert compare(case, sound, _damaged(sound, damage))


def test_outcome_and_failed_cell_are_compared(archive: Archive) -> None:
    case = BY_NAME["error_half_way"]
    sound = archive.stock(case)
    assert sound.failure is not None
    elsewhere = replace(sound, failure={**sound.failure, "index": 1})
    assert compare(case, sound, replace(sound, outcome="success"))
    assert compare(case, sound, elsewhere)


def test_normalisations_have_names_of_their_own() -> None:
    assert len({entry.name for entry in NORMALISATIONS}) == len(NORMALISATIONS)


def _damaged(run: Run, damage: Callable[[Json], None]) -> Run:
    notebook = copy.deepcopy(run.notebook)
    assert notebook is not None
    damage(notebook)
    return replace(run, notebook=notebook)


def _widgets(notebook: Json) -> Json:
    state: Json = notebook["metadata"]["widgets"]["application/vnd.jupyter.widget-state+json"]
    models: Json = state["state"]
    return models


def _named(models: Json, name: str) -> Json:
    model: Json = next(model for model in models.values() if model["model_name"] == name)
    return model

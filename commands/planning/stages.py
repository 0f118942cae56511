"""Stages of one host in a plan. Their names are in the keys of their steps, so stages can have equal steps. Pure."""

from collections.abc import Mapping

from commands.model.plan import Check, Part, PlannedAction, Product, Step


def name_stage(part: Part, stage: str) -> Part:
    """Names a stage, such as `host-a/nebula`, in the keys of a part's steps, and wherever steps name one another."""
    names = {step.key: _rename(step.key, part.host, stage) for step in part.steps}
    return part.model_copy(update={"steps": tuple(_rename_step(step, names) for step in part.steps)})


def _rename(key: str, host: str, stage: str) -> str:
    return key if key.startswith(f"{stage}/") else f"{stage}/{key.removeprefix(f'{host}/')}"


def _rename_step(step: Step, names: Mapping[str, str]) -> Step:
    source = step.source
    return step.model_copy(
        update={
            "key": names[step.key],
            "deed": _rename_products(step.deed, names),
            "undo": None if step.undo is None else _rename_products(step.undo, names),
            "verify": None if step.verify is None else _rename_check(step.verify, names),
            "undone": tuple(_rename_check(check, names) for check in step.undone),
            "source": source and source.model_copy(update={"deed": _rename_products(source.deed, names)}),
        }
    )


def _rename_check(check: Check, names: Mapping[str, str]) -> Check:
    return check.model_copy(update={"deed": _rename_products(check.deed, names)})


def _rename_products(deed: PlannedAction, names: Mapping[str, str]) -> PlannedAction:
    products = {
        field: Product(step=names.get(product.step, product.step), field=product.field)
        for field, product in deed.products.items()
    }
    return deed.model_copy(update={"products": products})

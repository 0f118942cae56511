"""Keys of steps of a plan that does several things on one host: each part gets a name of its own. Pure."""

from collections.abc import Mapping

from commands.model.plan import Check, Part, PlannedAction, Product, Step


def qualify_part(part: Part, name: str) -> Part:
    """Returns the part with `name` behind the key of each step, also where a step uses what an earlier one produces."""
    keys = {step.key: f"{step.key}/{name}" for step in part.steps}
    return part.model_copy(update={"steps": tuple(_rename_step(step, keys) for step in part.steps)})


def _rename_step(step: Step, keys: Mapping[str, str]) -> Step:
    source = step.source
    return step.model_copy(
        update={
            "key": keys[step.key],
            "deed": _rename_action(step.deed, keys),
            "undo": None if step.undo is None else _rename_action(step.undo, keys),
            "verify": None if step.verify is None else _rename_check(step.verify, keys),
            "undone": tuple(_rename_check(each, keys) for each in step.undone),
            "source": None if source is None else source.model_copy(update={"deed": _rename_action(source.deed, keys)}),
        }
    )


def _rename_check(check: Check, keys: Mapping[str, str]) -> Check:
    return check.model_copy(update={"deed": _rename_action(check.deed, keys)})


def _rename_action(action: PlannedAction, keys: Mapping[str, str]) -> PlannedAction:
    products = {
        name: Product(step=keys.get(each.step, each.step), field=each.field) for name, each in action.products.items()
    }
    return action.model_copy(update={"products": products})

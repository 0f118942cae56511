"""Each need of an operation is supplied, and each supplier is needed."""

from bot.requests.view_needs import SUPPLIERS
from commands.catalogue import CATALOGUE
from commands.model.need import Need


def test_each_need_has_a_supplier() -> None:
    assert set(Need) == set(SUPPLIERS)


def test_each_need_is_declared_by_an_operation() -> None:
    assert set(Need) == {need for operation in CATALOGUE for need in operation.needs}

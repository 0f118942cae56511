"""A running bot builds the validators of its values beforehand, and finds an annotation that is broken."""

from pydantic import BaseModel

from bot.app import server
from bot.runtime.validators import build_validators, list_models


def test_no_validator_is_left_to_be_built_in_the_middle_of_work() -> None:
    assert "bot.app.server" == server.__name__  # which loads what a running bot has loaded
    build_validators()
    models = list(list_models(BaseModel))
    assert len(models) > 200
    assert [] == [model.__name__ for model in models if not model.__pydantic_complete__]

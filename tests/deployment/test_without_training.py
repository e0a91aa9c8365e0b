"""A deployment without training has none of its tables, so its periodic tasks may not ask for them."""

import importlib
import inspect

import pytest

from tests.drain import InProcessWorker


@pytest.mark.parametrize("name", ["packs", "uploads"])
def test_nothing_is_purged_where_there_is_no_training(
    name: str, worker: InProcessWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = importlib.import_module(f"worker.{name}")  # once the fixture has named its system
    config, purge = module.config, inspect.unwrap(module.purge.run)
    monkeypatch.setattr(module, "config", config.model_copy(update={"features": frozenset()}))
    monkeypatch.setattr(module, "parts", None)
    purge()
    monkeypatch.setattr(module, "config", config)
    with pytest.raises(AttributeError):  # with training, the database is asked
        purge()

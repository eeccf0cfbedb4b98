"""The applications that scans are tried on can be built here, by each ecosystem's own tools."""

import pytest

from harness import ecosystems
from harness.holdfast import TemporaryFolder


@pytest.mark.parametrize("name", sorted(ecosystems.ALL))
def test_application_is_built_and_listed(name):
    with TemporaryFolder() as folder:
        listing = ecosystems.ALL[name](folder)
        assert len(listing) >= 2, listing
        assert listing == sorted(set(listing))
        assert any(path.is_file() for path in folder.rglob("*"))

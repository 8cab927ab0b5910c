"""botocore's own descriptions are taken, as they are, and those of a home folder are not."""

from pathlib import Path

import botocore.session
import pytest
from botocore.exceptions import UnknownServiceError
from botocore.loaders import Loader

from checks.engine.probes.s3_descriptions import descriptions


@pytest.mark.parametrize("service", ["s3", "iam"])
def test_they_are_botocores_own(service: str) -> None:
    theirs = Loader(include_default_search_paths=True).load_service_model(service, "service-2")
    assert descriptions().load_service_model(service, "service-2") == theirs
    assert descriptions().load_data("endpoints") == Loader().load_data("endpoints")


def test_what_one_client_does_to_them_no_other_sees() -> None:
    before = descriptions().load_service_model("s3", "service-2")
    mine = descriptions().load_service_model("s3", "service-2")
    mine["operations"]["HeadBucket"]["http"]["requestUri"] = ""
    assert descriptions().load_service_model("s3", "service-2") == before


def test_what_is_not_asked_here_is_not_known() -> None:
    with pytest.raises(UnknownServiceError):
        descriptions().load_service_model("sqs", "service-2")


def test_a_home_folder_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = tmp_path / ".aws/models/s3/2030-01-01"
    other.mkdir(parents=True)
    (other / "service-2.json").write_text("{}")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(Loader, "CUSTOMER_DATA_PATH", str(tmp_path / ".aws/models"))
    core = botocore.session.Session()
    core.register_component("data_loader", descriptions())
    client = core.create_client("s3", region_name="us-east-1", aws_access_key_id="a", aws_secret_access_key="b")
    assert client.meta.service_model.api_version == "2006-03-01"
    assert "ListObjectsV2" in client.meta.service_model.operation_names

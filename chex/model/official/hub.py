"""One file of a model on the Hugging Face hub."""

from __future__ import annotations


def downloaded(hub_id: str, name: str) -> str:
    """Where the file lies on this machine, fetched if need be. Raises FileNotFoundError that says why it could not be."""
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    try:
        return hf_hub_download(hub_id, name)
    except HFValidationError as error:
        raise FileNotFoundError(f"{hub_id} is neither there as a file or folder nor the id of a hub's model") from error
    except (HfHubHTTPError, LocalEntryNotFoundError, OSError) as error:
        first = (str(error).splitlines() or [type(error).__name__])[0]
        raise FileNotFoundError(f"{hub_id} is not there as a file or folder, and {name} could not be had from "
                                f"the hub: {first}") from error  # fmt: skip

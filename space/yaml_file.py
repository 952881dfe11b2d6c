"""Reads one YAML file strictly: a key that stands twice is an error, and so is anything that is not YAML."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from space.space import SpaceError


def read_yaml(path: str | Path) -> Any:
    """The file's content as plain dicts, lists and scalars. Raises SpaceError, one line that names file and line."""
    import yaml

    try:
        text = Path(path).read_text(encoding="utf-8")
        return yaml.load(text, _strict_loader())
    except OSError as error:
        raise SpaceError(f"{path}: cannot be read ({error.strerror}); allowed: a YAML file") from error
    except RecursionError as error:
        raise SpaceError(f"{path}: nested too deeply; allowed: a YAML file of a few levels") from error
    except UnicodeDecodeError as error:
        raise SpaceError(f"{path}: byte {error.start} is not UTF-8; allowed: a YAML file in UTF-8") from error
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = f":{mark.line + 1}" if mark else ""
        what = " ".join(filter(None, (error.context, error.problem)))
        raise SpaceError(f"{path}{line}: not YAML ({' '.join(what.split())})") from error
    except yaml.YAMLError as error:
        raise SpaceError(f"{path}: not YAML ({' '.join(str(error).split())})") from error


def _strict_loader() -> type:
    import yaml

    class Loader(yaml.SafeLoader):
        """PyYAML keeps the last of two equal keys without a word."""

        def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:
            node = super().compose_mapping_node(anchor)
            seen = set()
            for key, _ in node.value:
                if isinstance(key, yaml.ScalarNode) and key.value in seen:
                    raise yaml.MarkedYAMLError(problem=f"key {key.value} stands twice", problem_mark=key.start_mark)
                seen.add(key.value if isinstance(key, yaml.ScalarNode) else id(key))
            return node

    return Loader

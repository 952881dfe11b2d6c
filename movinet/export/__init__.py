"""Files of a network for other runtimes, each proved against the network before it gets its name."""

from typing import TYPE_CHECKING

from movinet.config.face import face

if TYPE_CHECKING:
    from movinet.export.errors import ExportError as ExportError
    from movinet.export.formats.format import Format as Format
    from movinet.export.formats.registry import FORMATS as FORMATS
    from movinet.export.formats.registry import QUANTIZATIONS as QUANTIZATIONS
    from movinet.export.job import ExportJob as ExportJob
    from movinet.export.run import export as export

MODULES = {
    "export": "movinet.export.run",
    "FORMATS": "movinet.export.formats.registry",
    "Format": "movinet.export.formats.format",
    "ExportJob": "movinet.export.job",
    "QUANTIZATIONS": "movinet.export.formats.registry",
    "ExportError": "movinet.export.errors",
}
__getattr__, __dir__ = face(__name__, MODULES)

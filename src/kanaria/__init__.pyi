from kanaria.app.public import analyse as analyse
from kanaria.app.public import explain as explain
from kanaria.app.public import render as render
from kanaria.app.public import watch as watch
from kanaria.core.errors import ConfigError as ConfigError
from kanaria.core.errors import KanariaError as KanariaError
from kanaria.core.errors import RuleError as RuleError
from kanaria.core.errors import SourceError as SourceError
from kanaria.core.types import Analysis as Analysis
from kanaria.core.types import Evidence as Evidence
from kanaria.core.types import Finding as Finding
from kanaria.core.types import Incident as Incident
from kanaria.core.types import InputSummary as InputSummary
from kanaria.core.types import StratumMessage as StratumMessage
from kanaria.core.types import Text as Text

__version__: str
__all__: list[str]

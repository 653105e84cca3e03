"""All sources of a service, of lines and of flows: begun, asked in turn, and told when what they brought is kept."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from kanaria.app.live.judging import Arrived, Positions
from kanaria.core.limits import forgotten

if TYPE_CHECKING:
    from kanaria.app.live.flows import Flow, Flows
    from kanaria.app.live.host_samples import HostSamples
    from kanaria.app.live.watching import Watched
    from kanaria.core.types import Text
    from kanaria.sources.chunks import Chunk


class Intake:
    """Begin it once; from then on only one thread asks."""

    def __init__(self, lines: Sequence[Watched], flows: Sequence[Flows | HostSamples]) -> None:
        self._lines, self._flows = lines, flows

    @property
    def all(self) -> list[Any]:
        """Every source: each has a name and its health."""
        return [*(item.source for item in self._lines), *self._flows]

    @property
    def on_the_wire(self) -> bool:
        """Whether any shows what crossed the wire."""
        return bool(self._flows) or any(item.on_the_wire for item in self._lines)

    @property
    def left_out(self) -> tuple[Text, ...]:
        """Places there was no room for (``limits.places``), in words."""
        shared = sum(source.health.shared for source in self.all)
        return (forgotten("places", shared),) if shared else ()

    def begin(self, positions: Positions, wake: Callable[[], None]) -> None:
        """Start all, those of lines from where they were read to; each calls ``wake`` when it has something."""
        for item in self._lines:
            item.source.start(positions.get(item.source.name, {}), wake)
        for flows in self._flows:
            flows.start(wake)

    def ends(self, known: Collection[str]) -> list[Arrived]:
        """Where sources begin that begin at their end, unless their position is ``known``."""
        new = [item for item in self._lines if item.at_end and item.source.name not in known]
        return [arrived for item in new for arrived in _arrived(item, item.source.take(1))]

    def lines(self, room: int) -> Iterator[Arrived]:
        """What came, of about so many bytes at most. One that brings much does not keep the others waiting."""
        waiting = self._lines
        while waiting and room > 0:
            more = []
            for place, item in enumerate(waiting):
                if room <= 0:
                    break
                share = -(-room // (len(waiting) - place))
                taken = item.source.take(share)
                room -= (size := sum(len(chunk.data) for chunk in taken))
                if size >= share:
                    more.append(item)
                yield from _arrived(item, taken)
            waiting = more

    def flows(self) -> list[Flow]:
        """The batches of flows that wait."""
        return [flow for source in self._flows for flow in source.take()]

    def keeping(self) -> None:
        """What was taken is about to be kept."""
        for item in self._lines:
            item.source.keeping()

    def kept(self) -> None:
        """It is kept."""
        for item in self._lines:
            item.source.kept()

    def close(self) -> None:
        for source in self.all:
            source.close()

    def records(self) -> list[Mapping[str, Any]]:
        """How many records each has brought, by name."""
        return [{"name": source.name, "records": source.health.records} for source in self.all]


def _arrived(item: Watched, chunks: Iterable[Chunk]) -> Iterator[Arrived]:
    for chunk in chunks:
        yield Arrived(source=item.source.name, chunk=chunk, format=item.format, layout=item.log_format)

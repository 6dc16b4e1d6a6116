"""Back ends whose inferences take a set time on a clock that only they move."""

import sys
import types

import numpy as np

from hmr_live.backends.registry import Entry
from tests.engine.backends.backend_cases import SHAPE


class FakeClock:
    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


class TimedBackend:
    input_shape = SHAPE
    reads_focal = False

    def __init__(self, name, milliseconds, clock):
        self.name, self._milliseconds, self._clock = name, milliseconds, clock
        self.closed = False

    def run(self, image, *_):
        self._clock.now += self._milliseconds / 1000
        return {"means": np.zeros((len(image), 3), np.float32)}

    def describe(self):
        return self.name

    def close(self):
        self.closed = True


class TimedBackends:
    """Modules of back ends; ``opened`` lists the pairs of network and back end, in order."""

    def __init__(self, monkeypatch):
        self._monkeypatch = monkeypatch
        self.clock = FakeClock()
        self.opened = []
        self.backends = []

    def add(self, name, times, *, loading_s=0.0, at_load=None, version="1.0"):
        """A back end that takes ``times[network]`` milliseconds."""
        module = types.ModuleType(f"timed_{name}")

        def load(model, *, threads, name):
            if at_load is not None:
                raise at_load
            self.opened.append((model.stem, name))
            self.clock.now += loading_s
            self.backends.append(TimedBackend(name, times[model.stem], self.clock))
            return self.backends[-1]

        module.load = load
        module.version = lambda name: version
        self._monkeypatch.setitem(sys.modules, module.__name__, module)
        return Entry(name, module.__name__, "a test", f"install {name}")

    def module(self, entry):
        return sys.modules[entry.module]

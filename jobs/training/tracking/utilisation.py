"""How busy the machine of the leading process is, for MLflow's page of system metrics."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Mapping

INTERVAL = 5.0  # seconds between two looks
logger = logging.getLogger(__name__)


class Utilisation:
    """Looks at CPU, memory and, where there are any, NVIDIA GPUs from a thread of its own, with MLflow's monitors."""

    def __init__(self, interval: float = INTERVAL) -> None:
        self._interval = interval
        self._cores = len(os.sched_getaffinity(0))
        self._wall, self._used = time.perf_counter(), time.process_time()
        self._monitors: list = []
        self._lock, self._stopped = threading.Lock(), threading.Event()
        threading.Thread(target=self._look, daemon=True, name="utilisation").start()

    def since_last(self, values: Mapping[str, float]) -> dict[str, float]:
        """Shares and means since the last call: of the process's CPU time in its cores', and what the monitors saw.

        values: the loop's own, with the seconds of a step and those it waited for data.
        """
        wall, used = time.perf_counter(), time.process_time()
        found = {"system/process_cpu_share": (used - self._used) / max(wall - self._wall, 1e-9) / self._cores}
        self._wall, self._used = wall, used
        found["data_wait_share"] = values["data_wait_seconds"] / max(values["seconds_per_step"], 1e-9)
        with self._lock:
            for monitor in self._monitors:
                found |= {f"system/{name}": float(value) for name, value in monitor.aggregate_metrics().items()}
                monitor.clear_metrics()
        return found

    def stop(self) -> None:
        self._stopped.set()

    def _look(self) -> None:
        try:
            monitors = _monitors()
            while True:
                with self._lock:
                    self._monitors = monitors
                    for monitor in monitors:
                        monitor.collect_metrics()
                if self._stopped.wait(self._interval):
                    return
        except Exception as error:  # noqa: BLE001  what a driver of a device raises is not known
            logger.warning("how busy the machine is cannot be told: %s", error)


def _monitors() -> list:
    from mlflow.system_metrics.metrics.cpu_monitor import CPUMonitor
    from mlflow.system_metrics.metrics.gpu_monitor import GPUMonitor

    monitors: list = [CPUMonitor()]
    try:
        monitors.append(GPUMonitor())
    except (ImportError, RuntimeError):
        pass  # no NVIDIA GPU, or nothing that could tell about it
    return monitors

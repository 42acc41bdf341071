"""How busy other processes kept the machine while this one measured."""

import os
import resource
import time
from pathlib import Path

# Engines that meet at spinning barriers, as OpenMP does, lose a whole time slice to each interruption: ratios to them
# are then those of the scheduler.
MAX_QUIET = 0.1


class ForeignLoad:
    """Begin before the first child process starts, read after the last has ended."""

    def __init__(self) -> None:
        self.begin_s = time.perf_counter()
        self.begin_foreign_s = all_processor_s() - own_processor_s()

    def processors(self) -> float:
        foreign_s = all_processor_s() - own_processor_s() - self.begin_foreign_s
        return max(0.0, foreign_s / (time.perf_counter() - self.begin_s))


def all_processor_s() -> float:
    """Processor time of everything on the machine, and what its host took away."""
    user, nice, system, _idle, _wait, irq, soft_irq, steal = (
        int(ticks) for ticks in Path("/proc/stat").read_text().split()[1:9]
    )
    return (user + nice + system + irq + soft_irq + steal) / os.sysconf("SC_CLK_TCK")


def own_processor_s() -> float:
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)

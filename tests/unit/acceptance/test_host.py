"""What the bench's host remembers of tasks."""

from random import Random

from luxminer_hil.acceptance.headers import golden_headers
from luxminer_hil.acceptance.host import MAX_TASKS, Tasks, bench_job, header_work


def test_a_task_is_replaced_by_the_next_one_also_without_work() -> None:
    job = bench_job(Random(1))
    first, second = (header_work(next(golden_headers()).header, job) for _ in range(2))
    tasks = Tasks()
    tasks.take(first, 1.0)
    assert tasks.number_of(first) == 0
    assert tasks.replaced_s(0) == float("inf")
    tasks.take(None, 2.0)
    tasks.take(second, 3.0)
    assert (tasks.replaced_s(0), tasks.replaced_s(1)) == (2.0, 3.0)
    assert tasks.number_of(second) == 2  # equal to the first one, and still another
    assert tasks.number_of(None) is None
    assert tasks.count == 3


def test_only_the_newest_tasks_are_remembered() -> None:
    job = bench_job(Random(1))
    header = next(golden_headers()).header
    again = header_work(header, job)
    works = [header_work(header, job) for _ in range(3)]
    tasks = Tasks()
    for number, work in enumerate([*works, *[again] * MAX_TASKS]):
        tasks.take(work, float(number))
    assert [tasks.number_of(work) for work in works] == [None, None, None]
    assert tasks.number_of(again) == MAX_TASKS + 2
    assert tasks.count == MAX_TASKS + 3

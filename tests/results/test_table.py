"""A table is read as it was written, and equal tables are equal files."""

from results.table import RecordedTraining, read_table, write_table

COST = {"flops": 1_000_000, "parameters": 9000, "activation_bytes": 4096, "buffer_bytes": 128}
TRAININGS = [
    RecordedTraining({"clip.resolution": 16, "block2.layer1.kernel": [1, 3, 3]}, "ab12", COST, 0, (0.25, 0.5), 12.5),
    RecordedTraining(
        {"clip.resolution": 24, "block2.layer1.kernel": [3, 3, 3]}, "cd34", COST, 1, (0.125, 0.0625), 3.25
    ),
]


def test_a_table_is_read_as_it_was_written(tmp_path):
    write_table(tmp_path / "table.csv.gz", TRAININGS)
    assert read_table(tmp_path / "table.csv.gz") == TRAININGS
    assert TRAININGS[1].best == 0.125


def test_equal_tables_are_equal_files(tmp_path):
    for name in ("one.csv.gz", "two.csv.gz"):
        write_table(tmp_path / name, TRAININGS)
    assert (tmp_path / "one.csv.gz").read_bytes() == (tmp_path / "two.csv.gz").read_bytes()

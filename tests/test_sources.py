"""Files as a source: real files of every kind, sound and broken, and what the reader makes of them."""

# xlsxwriter annotates only some of what it decorates; nothing of it is returned from here.
# pyright: reportUnknownMemberType=false

import bz2
import datetime as dt
import gzip
import json
import lzma
import stat
import sys
import tracemalloc
import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path

import polars as pl
import pytest
import xlsxwriter
from hypothesis import given
from hypothesis import strategies as st

from huaxiang.errors import SourceUnreadable
from huaxiang.sources import Reader, Reject, RejectWriter, Row, broken_number, read_rows, unflatten

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

PHONE = frozenset({"phone"})
TEXT = "编号,姓名,电话\n1,张三,13812345678\n2,李四,13812345679\n"
TEXT_ROWS = [
    {"编号": "1", "姓名": "张三", "电话": "13812345678"},
    {"编号": "2", "姓名": "李四", "电话": "13812345679"},
]


@pytest.fixture
def make(tmp_path: Path) -> Callable[[str, bytes | str], Path]:
    def write(name: str, content: bytes | str) -> Path:
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write


Make = Callable[[str, bytes | str], Path]


def rows(path: Path, fields: frozenset[str] | None = None) -> list[dict[str, object]]:
    """The rows of a file that has no rejects."""
    items = list(read_rows(path, identifier_fields=fields))
    assert not [item for item in items if isinstance(item, Reject)]
    return [item.data for item in items if isinstance(item, Row)]


def shape(items: Iterable[Row | Reject]) -> list[tuple[int, str]]:
    """Each item as its line and what it is."""
    return [(item.line, "row" if isinstance(item, Row) else "reject") for item in items]


def reason_of(path: Path, fields: frozenset[str] | None = None) -> str:
    with pytest.raises(SourceUnreadable) as caught:
        list(read_rows(path, identifier_fields=fields))
    assert caught.value.fields["path"] == str(path)
    return str(caught.value.fields["reason"])


class TestEncodings:
    @pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
    def test_a_file_reads_the_same_in_every_encoding(self, make: Make, encoding: str) -> None:
        assert rows(make("a.csv", TEXT.encode(encoding))) == TEXT_ROWS

    @pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
    def test_json_reads_the_same_in_every_encoding(self, make: Make, encoding: str) -> None:
        lines = "\n".join(json.dumps(row, ensure_ascii=False) for row in TEXT_ROWS)
        array = json.dumps(TEXT_ROWS, ensure_ascii=False, indent=2)
        assert rows(make("a.jsonl", lines.encode(encoding))) == TEXT_ROWS
        assert rows(make("a.json", array.encode(encoding))) == TEXT_ROWS

    def test_gb18030_letters_whose_second_byte_is_a_bracket_or_backslash_do_not_cut_an_array(self, make: Make) -> None:
        text = "".join(bytes([0x81 + n, trail]).decode("gb18030") for n in range(20) for trail in b"[]{}\\|")
        assert rows(make("a.json", json.dumps([{"a": text}], ensure_ascii=False).encode("gb18030"))) == [{"a": text}]

    def test_a_character_cut_by_the_end_of_the_first_mebibyte_leaves_the_file_utf_8(self, make: Make) -> None:
        head = "name\n"
        filler = "a" * ((1 << 20) - len(head) - 1)
        reader = Reader(make("a.csv", f"{head}{filler}中\n"))
        assert reader.encoding == "utf-8"
        assert [item.data for item in reader if isinstance(item, Row)] == [{"name": f"{filler}中"}]

    def test_one_spoilt_byte_refuses_its_line_and_does_not_turn_the_file_into_gb18030(self, make: Make) -> None:
        content = TEXT.encode() + b"3,\xff\xfe\xff,1\n" + "4,王五,13812345670\n".encode()
        items = list(read_rows(make("a.csv", content)))
        assert shape(items) == [(2, "row"), (3, "row"), (4, "reject"), (5, "row")]
        assert isinstance(items[3], Row)
        assert items[3].data["姓名"] == "王五"

    def test_after_a_mebibyte_of_ascii_a_line_that_is_not_utf_8_is_read_as_gb18030(self, make: Make) -> None:
        ascii_lines = b'{"a":"x"}\n' * 110_000
        content = ascii_lines + '{"a":"张三"}\n'.encode("gb18030") + '{"a":"李四"}\n'.encode()
        last = rows(make("a.jsonl", content))[-2:]
        assert last == [{"a": "张三"}, {"a": "李四"}]

    def test_a_line_that_is_not_gb18030_is_refused_alone(self, make: Make) -> None:
        content = TEXT.encode("gb18030") + b"3,\xff\xff,1\n4,x,2\n"
        assert shape(read_rows(make("a.csv", content))) == [(2, "row"), (3, "row"), (4, "reject"), (5, "row")]

    def test_a_utf_16_file_cut_in_the_middle_of_a_character_loses_its_last_line_alone(self, make: Make) -> None:
        items = list(read_rows(make("a.csv", TEXT.encode("utf-16")[:-3])))
        assert shape(items) == [(2, "row"), (3, "reject")]

    def test_lines_that_end_in_a_carriage_return_are_lines(self, make: Make) -> None:
        assert rows(make("a.csv", TEXT.replace("\n", "\r"))) == TEXT_ROWS
        assert rows(make("b.csv", TEXT.replace("\n", "\r\n"))) == TEXT_ROWS

    @given(st.text(st.characters(codec="gb18030", exclude_characters="\0\r\n", exclude_categories=["Cs"]), min_size=1))
    def test_any_text_survives_gb18030_beside_enough_chinese(
        self, tmp_path_factory: pytest.TempPathFactory, text: str
    ) -> None:
        path = tmp_path_factory.mktemp("gb") / "a.jsonl"
        records = [{"a": "这是一份客户资料导出"}, {"a": "电话号码"}, {"a": text}]
        path.write_bytes("\n".join(json.dumps(r, ensure_ascii=False) for r in records).encode("gb18030"))
        assert rows(path, frozenset()) == records


class TestTables:
    @pytest.mark.parametrize("separator", [",", ";", "\t"])
    def test_the_separator_is_found(self, make: Make, separator: str) -> None:
        assert rows(make("a.csv", TEXT.replace(",", separator))) == TEXT_ROWS

    def test_a_first_line_that_names_the_separator_is_no_row(self, make: Make) -> None:
        assert rows(make("a.csv", "sep=;\na;b,c\n1;2\n")) == [{"a": "1", "b,c": "2"}]

    def test_quotes_hold_separators_quotes_and_line_ends_and_lines_keep_their_numbers(self, make: Make) -> None:
        items = list(read_rows(make("a.csv", 'a,b\r\n"x, ""y""","第一行\r\n第二行"\r\n\r\nz,\r\n')))
        assert items == [Row(2, {"a": 'x, "y"', "b": "第一行\r\n第二行"}), Row(5, {"a": "z"})]

    def test_an_empty_cell_is_absent_and_a_row_without_a_value_is_no_row(self, make: Make) -> None:
        assert rows(make("a.csv", "a,b,c\n1,,\n,,\n2\n , ,3,,\n")) == [{"a": "1"}, {"a": "2"}, {"c": "3"}]

    def test_a_row_with_more_cells_than_columns_is_refused(self, make: Make) -> None:
        first, second = read_rows(make("a.csv", "a,b\n1,2,3\n4,5\n"))
        assert isinstance(first, Reject)
        assert (first.line, first.field, first.raw) == (2, "", '["1","2","3"]')
        assert second == Row(3, {"a": "4", "b": "5"})

    def test_a_stray_quote_costs_its_own_record_and_not_the_file(self, make: Make) -> None:
        lines = [f"{n},name{n},{n}\n" for n in range(5000)]
        lines[10] = '10,"stray,10\n'
        items = list(read_rows(make("a.csv", "id,name,n\n" + "".join(lines))))
        assert [item.line for item in items if isinstance(item, Reject)] == [12]
        assert len(items) == 5000

    def test_half_of_a_broken_cell_is_not_taken_for_a_row(self, make: Make) -> None:
        items = list(read_rows(make("a.csv", 'a,b\n1,"first\nsecond\n"third"x\n2,3\n')))
        assert shape(items) == [(2, "reject"), (5, "row")]
        assert isinstance(items[0], Reject)
        assert items[0].raw == '1,"first\nsecond\n"third"x'

    def test_a_record_over_the_limit_is_refused_and_the_next_one_read(self, make: Make) -> None:
        path = make("a.csv", f"a,b\n1,{'x' * 5000}\n2,3\n" + '4,"' + "y\n" * 3000 + '"\n5,6\n')
        items = list(read_rows(path, line_limit_bytes=4096))
        assert [item for item in items if isinstance(item, Row)] == [
            Row(3, {"a": "2", "b": "3"}),
            Row(3005, {"a": "5", "b": "6"}),
        ]

    def test_a_reject_of_several_lines_says_which_they_are(self, make: Make) -> None:
        first, second = read_rows(make("a.csv", 'a,b\n1,"x\ny\nz\n2,3\n'))
        assert isinstance(first, Reject)
        assert "lines 2-4" in first.reason
        assert first.raw == '1,"x\ny\nz'
        assert second == Row(5, {"a": "2", "b": "3"})

    def test_a_nul_character_refuses_its_record(self, make: Make) -> None:
        content = "a\n" + "x\n" * 600 + "y\0\nz\n"
        items = list(read_rows(make("a.csv", content)))
        assert [item.line for item in items if isinstance(item, Reject)] == [602]
        assert len(items) == 602

    def test_dotted_names_nest_and_json_cells_are_json(self, make: Make) -> None:
        path = make("a.csv", 'id,asrText.result,asrText.lang,tags,note\n1,"[{""t"":""你好""}]",zh,"{""a"":1}",[微笑]\n')
        assert rows(path) == [
            {"id": "1", "asrText": {"result": [{"t": "你好"}], "lang": "zh"}, "tags": {"a": 1}, "note": "[微笑]"}
        ]

    def test_unflatten_refuses_a_name_that_is_value_and_parent(self) -> None:
        assert unflatten({"a.b": 1, "a.c": "2", "d": "[1]"}) == {"a": {"b": 1, "c": "2"}, "d": [1]}
        for row in ({"a": 1, "a.b": 2}, {"a.b": 2, "a": 1}, {"a": '{"c":1}', "a.b": 2}):
            with pytest.raises(ValueError, match=r"^a"):
                unflatten(row)

    @pytest.mark.parametrize(
        ("header", "said"),
        [("a,b,a", "columns 1 and 3"), ("a,,b", "column 2 has no name"), ("a,a.b", "column 1"), (",,", "no columns")],
    )
    def test_a_header_that_would_lose_values_makes_the_file_unreadable(
        self, make: Make, header: str, said: str
    ) -> None:
        assert said in reason_of(make("a.csv", f"{header}\n1,2,3\n"))

    def test_a_header_is_not_repeated_in_an_error_since_it_may_be_somebodys_data(self, make: Make) -> None:
        path = make("a.csv", "13812345678,13812345678\n")
        assert "138" not in reason_of(path)

    @given(
        st.lists(
            st.lists(
                st.text(st.characters(exclude_characters="\0\r", exclude_categories=["Cs"])), min_size=3, max_size=3
            ),
            min_size=1,
        )
    )
    def test_what_a_writer_quotes_comes_back_cell_for_cell(
        self, tmp_path_factory: pytest.TempPathFactory, cells: list[list[str]]
    ) -> None:
        quoted = "".join(",".join('"' + cell.replace('"', '""') + '"' for cell in row) + "\n" for row in cells)
        path = tmp_path_factory.mktemp("csv") / "a.csv"
        path.write_text("a,b,c\n" + quoted, encoding="utf-8-sig", newline="")
        plain = [{n: c for n, c in zip("abc", row, strict=True) if c and not c.isspace()} for row in cells]
        if not any(cell[:1] in "[{=" for row in cells for cell in row if cell):
            assert rows(path, frozenset()) == [row for row in plain if row]


class TestJson:
    def test_a_bad_line_is_a_reject_with_its_number_and_text(self, make: Make) -> None:
        path = make("a.jsonl", '{"a":1}\n{"a":\n\n[1]\n"x"\n{"a":2}')
        items = list(read_rows(path))
        assert shape(items) == [(1, "row"), (2, "reject"), (4, "reject"), (5, "reject"), (6, "row")]
        assert isinstance(items[1], Reject)
        assert items[1].raw == '{"a":'

    def test_the_text_of_a_reject_is_cut_at_16384_characters(self, make: Make) -> None:
        (item,) = read_rows(make("a.jsonl", "中" * 100_000))
        assert isinstance(item, Reject)
        assert item.raw == "中" * 16_384

    def test_brackets_without_end_are_a_reject(self, make: Make) -> None:
        items = list(read_rows(make("a.jsonl", '{"a":' + "[" * 100_000 + '\n{"a":1}\n')))
        assert shape(items) == [(1, "reject"), (2, "row")]

    def test_a_line_over_the_limit_is_refused_and_the_next_one_read(self, make: Make) -> None:
        path = make("a.jsonl", '{"a":"' + "x" * 200_000 + '"}\n{"a":1}\n')
        items = list(read_rows(path, line_limit_bytes=1000))
        assert shape(items) == [(1, "reject"), (2, "row")]

    def test_a_single_object_is_a_row_however_it_is_laid_out(self, make: Make) -> None:
        record = {"a": {"b": [1, 2]}, "c": '}{][,\\"'}
        assert rows(make("a.json", json.dumps(record))) == [record]
        assert rows(make("b.json", json.dumps(record, indent=1))) == [record]
        assert rows(make("c.txt", json.dumps(record, indent=1))) == [record]

    def test_items_of_an_array_are_rows_with_the_lines_they_begin_on(self, make: Make) -> None:
        items = list(read_rows(make("a.json", '[\n  {"a": 1},\n\n  {\n "a": 2}, 7,\n {"a": x}, {"a": 3}\n]\n')))
        assert shape(items) == [(2, "row"), (4, "row"), (5, "reject"), (6, "reject"), (6, "row")]

    def test_an_array_that_breaks_off_gives_its_whole_items(self, make: Make) -> None:
        assert shape(read_rows(make("a.json", '[{"a":1},{"a":2},{"a":"x'))) == [(1, "row"), (1, "row"), (1, "reject")]

    def test_an_item_over_the_limit_is_refused_and_the_next_one_read(self, make: Make) -> None:
        long = '{"a": ["' + 'x\\"{' * 200_000 + '"]}'
        many = '{"a": [' + "[1], " * 300_000 + "2]}"
        path = make("a.json", f'[{{"a":1}}, {long}, {{"a":2}}, {many}, {{"a":3}}]')
        items = list(read_rows(path, line_limit_bytes=10_000))
        assert [item.data["a"] if isinstance(item, Row) else None for item in items] == [1, None, 2, None, 3]

    def test_an_empty_array_has_no_rows(self, make: Make) -> None:
        assert rows(make("a.json", "[]")) == []

    def test_digits_of_long_integers_are_kept(self, make: Make) -> None:
        assert rows(make("a.jsonl", '{"a":123456789012345678901234}')) == [{"a": 123456789012345678901234}]

    @given(
        st.recursive(
            st.none() | st.integers() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
        )
    )
    def test_any_array_is_cut_into_the_items_it_was_made_of(
        self, tmp_path_factory: pytest.TempPathFactory, value: object
    ) -> None:
        path = tmp_path_factory.mktemp("json") / "a.json"
        records: list[dict[str, object]] = [{"v": value}, {"w": [value, value]}]
        for indent in (None, 2):
            path.write_text(json.dumps(records, indent=indent))
            assert rows(path, frozenset()) == records


class TestBrokenNumbers:
    @pytest.mark.parametrize("text", ["1.39E+10", "1.39e10", "1,39E+10", "1E+10", " 1.23457E+17\t", '="1.39E+10"'])
    def test_scientific_notation_is_broken(self, text: str) -> None:
        reason = broken_number(text)
        assert reason is not None
        assert "a number that a spreadsheet broke; format the column as text and export again" in reason
        assert "科学计数法" in reason

    @pytest.mark.parametrize("value", [1.23456789012346e17, 1234567890123450.0, 2.0**53 + 2])
    def test_a_float_that_lost_digits_is_broken(self, value: float) -> None:
        assert broken_number(value)

    @pytest.mark.parametrize(
        "value", ["13812345678", "E10", "1E5", "12E+10", "a1.39E+10", "", None, 5, 1.5, 13812345678.0, True]
    )
    def test_what_lost_nothing_is_not_broken(self, value: object) -> None:
        assert broken_number(value) is None

    def test_a_broken_identifier_refuses_its_row_by_field(self, make: Make) -> None:
        first, second = read_rows(
            make("a.csv", "phone,note\n1.39E+10,x\n13812345678,2.5E+10\n"), identifier_fields=PHONE
        )
        assert isinstance(first, Reject)
        assert (first.line, first.field) == (2, "phone")
        assert json.loads(first.raw) == {"phone": "1.39E+10", "note": "x"}
        assert second == Row(3, {"phone": "13812345678", "note": "2.5E+10"})

    def test_without_named_fields_every_field_is_looked_at(self, make: Make) -> None:
        path = make("a.jsonl", '{"a":{"b":[{"c":"1.39E+10"}]}}\n{"x":1.39E+10}\n{"x":1.5}\n')
        items = list(read_rows(path))
        assert [item.field for item in items if isinstance(item, Reject)] == ["a.b.c", "x"]
        assert items[2] == Row(3, {"x": 1.5})

    def test_what_protected_digits_is_taken_off_and_numbers_become_text(self, make: Make) -> None:
        path = make("a.csv", 'phone\n13812345678.0\n"=""13812345678"""\n="13812345678"\n\'13812345678\n13812345678\t\n')
        assert [row["phone"] for row in rows(path, PHONE)] == ["13812345678"] * 5

    def test_json_numbers_in_identifier_fields_are_text_or_refused(self, make: Make) -> None:
        values = [
            "13812345678",
            "13812345678.0",
            "1.39E+10",
            "123456789012345678",
            "123456789012345678.0",
            "1.5",
            "null",
        ]
        path = make("a.jsonl", "".join(f'{{"phone":{value}}}\n' for value in values))
        items = list(read_rows(path, identifier_fields=PHONE))
        found = [item.data["phone"] if isinstance(item, Row) else "refused" for item in items]
        assert found == ["13812345678", "13812345678", "refused", "123456789012345678", "refused", "refused", None]

    def test_identifiers_inside_lists_are_found_by_their_dotted_name(self, make: Make) -> None:
        path = make("a.jsonl", '{"list":[{"p":"1"},{"p":1.39e10}]}\n{"list":[{"p":13812345678.0},{}]}\n{"list":"x"}\n')
        first, second, third = read_rows(path, identifier_fields=frozenset({"list.p"}))
        assert isinstance(first, Reject)
        assert first.field == "list.p"
        assert second == Row(2, {"list": [{"p": "13812345678"}, {}]})
        assert third == Row(3, {"list": "x"})


class TestWorkbooks:
    @pytest.fixture
    def sheet(self, tmp_path: Path) -> Callable[[list[list[object]]], Path]:
        def write(cells: list[list[object]]) -> Path:
            path = tmp_path / "a.xlsx"
            with xlsxwriter.Workbook(path, {"default_date_format": "yyyy-mm-dd hh:mm:ss"}) as book:
                first = book.add_worksheet()
                book.add_worksheet().write(0, 0, "another sheet")
                for place, row in enumerate(cells):
                    first.write_row(place, 0, row)
            return path

        return write

    def test_cells_come_as_text_whole_numbers_and_times(self, sheet: Callable[[list[list[object]]], Path]) -> None:
        when = dt.datetime(2024, 2, 29, 12, 30, 1)  # noqa: DTZ001 - a workbook's times have no zone
        path = sheet(
            [[], ["phone", "fee", "at", "ok", "a.b"], ["13812345678", 1.5, when, True, "[1]"], [], [13812345678]]
        )
        assert list(read_rows(path, identifier_fields=frozenset())) == [
            Row(3, {"phone": "13812345678", "fee": 1.5, "at": "2024-02-29 12:30:01", "ok": True, "a": {"b": [1]}}),
            Row(5, {"phone": 13812345678}),
        ]

    def test_a_table_that_begins_in_the_middle_of_the_sheet_is_found(
        self, sheet: Callable[[list[list[object]]], Path]
    ) -> None:
        path = sheet([[], [], [None, None, "a", "b"], [None, None, "x"], [None, None, None, 2]])
        assert list(read_rows(path)) == [Row(4, {"a": "x"}), Row(5, {"b": 2})]

    def test_every_second_of_a_day_comes_as_it_was_written(self, sheet: Callable[[list[list[object]]], Path]) -> None:
        start = dt.datetime(2024, 12, 31)  # noqa: DTZ001 - a workbook's times have no zone
        times = [start + dt.timedelta(seconds=n) for n in range(0, 86_400, 7)]
        assert [row["at"] for row in rows(sheet([["at"], *[[time] for time in times]]))] == [
            str(time) for time in times
        ]

    def test_a_long_id_typed_as_a_number_is_refused_and_as_text_is_taken(
        self, sheet: Callable[[list[list[object]]], Path]
    ) -> None:
        values: list[object] = [
            123456789012345678,
            "123456789012345678",
            13812345678,
            1.5,
            1234567890123450,
            "1.39E+10",
        ]
        items = list(read_rows(sheet([["phone"], *[[value] for value in values]]), identifier_fields=PHONE))
        found = [item.data["phone"] if isinstance(item, Row) else "refused" for item in items]
        assert found == ["refused", "123456789012345678", "13812345678", "refused", "refused", "refused"]

    def test_how_far_it_has_come_is_told_by_rows(self, sheet: Callable[[list[list[object]]], Path]) -> None:
        reader = Reader(sheet([["a"], *[[n] for n in range(10)]]))
        seen = [(reader.read_bytes, reader.total_rows) for _ in reader]
        assert seen[4] == (reader.total_bytes // 2, 10)
        assert reader.read_bytes == reader.total_bytes

    def test_a_workbook_named_csv_is_still_a_workbook(
        self, sheet: Callable[[list[list[object]]], Path], make: Make
    ) -> None:
        assert rows(make("b.csv", sheet([["a"], ["x"]]).read_bytes())) == [{"a": "x"}]

    def test_a_zip_and_a_broken_workbook_are_unreadable(
        self, sheet: Callable[[list[list[object]]], Path], make: Make
    ) -> None:
        archive = make("a.zip", b"")
        with zipfile.ZipFile(archive, "w") as writer:
            writer.writestr("a.csv", TEXT)
        assert "zip" in reason_of(archive)
        assert "workbook" in reason_of(make("cut.xlsx", sheet([["a"], ["x"]]).read_bytes()[:-500]))
        assert "workbook" in reason_of(make("old.xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600)))


class TestParquet:
    def test_values_keep_their_types_and_nulls_are_absent(self, tmp_path: Path) -> None:
        path = tmp_path / "a.parquet"
        when = dt.datetime(2024, 2, 29, 12, 30, 1)  # noqa: DTZ001 - a column without a zone
        frame = pl.DataFrame(
            {"phone": [13812345678, None], "at": [when, None], "l.x": [["a"], None], "s": [{"k": 1.5}, {"k": None}]}
        )
        frame.write_parquet(path)
        assert list(read_rows(path, identifier_fields=PHONE)) == [
            Row(1, {"phone": "13812345678", "at": "2024-02-29 12:30:01", "l": {"x": ["a"]}, "s": {"k": 1.5}}),
            Row(2, {"s": {}}),
        ]

    def test_rows_come_in_the_files_order_over_all_batches(self, tmp_path: Path) -> None:
        path = tmp_path / "a.parquet"
        pl.DataFrame({"n": range(50_000)}).write_parquet(path, row_group_size=7_000)
        items = list(read_rows(path))
        assert [item.line for item in items] == list(range(1, 50_001))
        assert [item.data["n"] for item in items if isinstance(item, Row)] == list(range(50_000))

    @given(
        st.lists(
            st.fixed_dictionaries(
                {
                    "a": st.none() | st.text() | st.sampled_from(["", " ", "\u2003", "[1]", "{", '="1"', "x "]),
                    "b.c": st.none() | st.integers(-(2**63), 2**63 - 1),
                    "d": st.none() | st.just("x"),
                }
            ),
            min_size=1,
            max_size=5,
        )
    )
    def test_a_row_is_the_same_whatever_the_texts_beside_it(
        self, tmp_path_factory: pytest.TempPathFactory, records: list[dict[str, object]]
    ) -> None:
        folder = tmp_path_factory.mktemp("parquet")
        schema = {"a": pl.String, "b.c": pl.Int64, "d": pl.String}
        pl.DataFrame(records, schema).write_parquet(folder / "whole.parquet")
        # A text that may be JSON sends all of its batch the long way.
        pl.DataFrame([*records, {"a": "[", "d": "x"}], schema).write_parquet(folder / "long.parquet")
        assert list(read_rows(folder / "whole.parquet")) == list(read_rows(folder / "long.parquet"))[:-1]

    def test_a_broken_file_is_unreadable(self, make: Make) -> None:
        assert "Parquet" in reason_of(make("a.parquet", b"PAR1" + bytes(100)))


class TestFiles:
    def test_gzip_is_unpacked_and_progress_counts_its_own_bytes(self, make: Make) -> None:
        reader = Reader(make("a.csv.gz", gzip.compress(TEXT.encode("gb18030"), mtime=0)))
        assert [item.data for item in reader if isinstance(item, Row)] == TEXT_ROWS
        assert reader.read_bytes == reader.total_bytes == reader.path.stat().st_size

    @pytest.mark.parametrize(
        ("suffix", "pack"),
        [("gz", gzip.compress), ("bz2", bz2.compress), ("xz", lzma.compress), ("zst", zstd.compress)],
    )
    def test_every_packing_is_unpacked_by_its_content(
        self, make: Make, suffix: str, pack: Callable[[bytes], bytes]
    ) -> None:
        packed = pack(TEXT.encode("gb18030"))
        for name in (f"a.csv.{suffix}", "a.csv"):
            reader = Reader(make(name, packed))
            assert [item.data for item in reader if isinstance(item, Row)] == TEXT_ROWS
            assert reader.read_bytes == reader.total_bytes == len(packed)
        long = make(f"b.jsonl.{suffix}", pack(b"".join(b'{"n":%d}\n' % (n * 7919 % 100_003) for n in range(300_000))))
        long.write_bytes(long.read_bytes()[:-100])
        with pytest.raises(SourceUnreadable, match="breaks off"):
            list(read_rows(long))

    def test_a_gzip_that_breaks_off_gives_its_rows_and_then_an_error(self, make: Make) -> None:
        content = gzip.compress("".join(f'{{"n":{n * 7919 % 100_003}}}\n' for n in range(400_000)).encode())
        items: list[Row | Reject] = []
        with pytest.raises(SourceUnreadable, match="breaks off"):
            items.extend(iter(Reader(make("a.jsonl.gz", content[:-100]))))
        assert len(items) > 200_000

    @pytest.mark.parametrize(
        ("name", "content"),
        [
            ("a.csv", b""),
            ("a.jsonl", b" \n\n"),
            ("a.csv", b"\x28\xb5\x2f\xfd1234"),
            ("a.xls", b"<html><table></table></html>"),
            ("a.csv", b"\x7fELF\x00\x00\x01\x00"),
            ("a.gz", b"\x1f\x8b\x08\x00nonsense"),
            ("a.xlsx.gz", gzip.compress(b"PK\x03\x04", mtime=0)),
        ],
    )
    def test_what_can_not_be_read_is_said_with_a_reason(self, make: Make, name: str, content: bytes) -> None:
        assert reason_of(make(name, content))

    def test_a_missing_file_and_a_folder_are_unreadable(self, tmp_path: Path) -> None:
        assert reason_of(tmp_path / "none.csv")
        assert reason_of(tmp_path)

    def test_progress_grows_with_the_rows_and_ends_at_the_whole(self, make: Make) -> None:
        reader = Reader(make("a.jsonl", '{"a":"' + "x" * 100 + '"}\n' + '{"a":"x"}\n' * 400_000))
        seen = [reader.read_bytes for place, _ in enumerate(reader) if place % 10_000 == 0]
        assert seen == sorted(seen)
        assert 0 < seen[0] < reader.total_bytes == reader.read_bytes
        assert reader.total_rows is None

    @pytest.mark.parametrize("name", ["a.jsonl", "a.json", "a.csv"])
    def test_memory_does_not_grow_with_the_file(self, make: Make, name: str) -> None:
        line = '{"a":"' + "x" * 990 + '"}'
        content = {
            "a.jsonl": f"{line}\n" * 30_000,
            "a.json": "[" + ",".join([line] * 30_000) + "]",
            "a.csv": "a,b\n" + f"{'x' * 990},2\n" * 30_000,
        }[name]
        path = make(name, content)
        del content
        tracemalloc.start()
        try:
            count = sum(1 for _ in read_rows(path))
            peak_bytes = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        assert count == 30_000
        assert peak_bytes < 12 << 20


class TestRejectWriter:
    def test_rejects_are_written_for_their_owner_alone_and_counted(self, make: Make) -> None:
        path = make("a.csv", "phone,n\n1.39E+10,1\n13812345678,2,3\n")
        with RejectWriter.beside(path) as rejects:
            for item in read_rows(path, identifier_fields=PHONE):
                assert isinstance(item, Reject)
                rejects.write(item)
        assert rejects.count == 2
        assert rejects.path.name == "a.csv.rejects.jsonl"
        assert stat.S_IMODE(rejects.path.stat().st_mode) == 0o600
        first, second = map(json.loads, rejects.path.read_text().splitlines())
        assert (first["line"], first["field"], first["row"]) == (2, "phone", {"phone": "1.39E+10", "n": "1"})
        assert (second["line"], second["raw"]) == (3, '["13812345678","2","3"]')

    def test_a_run_without_rejects_removes_the_earlier_file(self, make: Make) -> None:
        path = make("a.csv.rejects.jsonl", "{}\n")
        with RejectWriter(path) as rejects:
            pass
        assert rejects.count == 0
        assert not path.exists()

    def test_an_earlier_file_is_replaced_and_a_link_is_not_followed(self, make: Make, tmp_path: Path) -> None:
        other = make("other", "kept")
        link = tmp_path / "a.rejects.jsonl"
        link.symlink_to(other)
        with RejectWriter(link) as rejects:
            rejects.write(Reject(1, "f", "r", "x"))
        assert other.read_text() == "kept"
        assert not link.is_symlink()

    def test_a_run_that_fails_before_its_first_reject_leaves_the_earlier_file(self, make: Make) -> None:
        path = make("a.rejects.jsonl", "{}\n")
        with pytest.raises(RuntimeError), RejectWriter(path):
            raise RuntimeError
        assert path.exists()

    def test_a_corrected_rejects_file_reads_as_its_rows(self, make: Make) -> None:
        path = make("a.csv", "phone,n\n1.39E+10,1\n1,2,3\n")
        with RejectWriter.beside(path) as rejects:
            for item in read_rows(path, identifier_fields=PHONE):
                assert isinstance(item, Reject)
                rejects.write(item)
            rejects.write(Reject(9, "n", "refused by a dialect", ""), row={"phone": "13812345679"})
        rejects.path.write_text(rejects.path.read_text().replace("1.39E+10", "13912345678"))
        first, second, third = read_rows(rejects.path, identifier_fields=PHONE)
        assert first == Row(1, {"phone": "13912345678", "n": "1"})
        assert isinstance(second, Reject)
        assert third == Row(3, {"phone": "13812345679"})

//! A large file in two threads: lines that are entries of one map are parsed apart, and put in their place.
//!
//! Of the text before a line, a scanner of YAML knows what is open there and nothing else. So the rest is parsed as the
//! file's text with a stand-in for the lines cut out: their first line's spaces and first letter, and `: 0`. Up to that
//! letter the parser sees what it would see in the file; that the letter then is a key of a block map, at its column, says
//! which map the entries belong to, and all that was open inside it has ended. The entries are parsed from their place
//! to where their map ends. What is around them matters to them only by anchors and tags, which they may not have, and
//! by the depth and the budgets, which are compared. Where the map ends both must agree.
//!
//! Whatever does not fit, and every error, makes the file be parsed from its start by one thread. So there is one tree
//! and one list of faults for a file, whatever the number of threads.

use std::ops::Range;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;

use granit_parser::Event;
use granit_parser::Parser;
use granit_parser::ScalarStyle;
use granit_parser::StrInput;

use super::tree::Budget;
use super::tree::Builder;
use super::tree::Entries;
use super::tree::Tree;
use super::tree::parser;
use crate::diag::Faults;

/// Bytes that take longer to parse than a thread takes to start, up to what four bytes can count whatever is added.
const WORTH_A_THREAD: Range<usize> = 512 << 10..1 << 30;
/// What follows the first letter in the stand-in.
const STAND_IN: &str = ": 0\n";

/// Whole lines of a text that look like entries of one map.
#[derive(Clone, Copy, Debug)]
struct Cut {
    /// Where the first line starts.
    start: usize,
    /// How many spaces that line starts with.
    column: usize,
    /// Where the first line after them starts.
    end: usize,
}

impl Cut {
    /// Finds about half of the text; it depends on the text alone.
    fn find(text: &str) -> Option<Self> {
        let cut = Self::behind(text, text.len() / 2)?;
        // What comes after the lines must wait for them: they had better start where half of the rest is done.
        let more = Self::behind(&text[..cut.start], cut.end / 2)
            .filter(|more| more.column == cut.column && more.end == cut.start);
        let cut = more.map_or(cut, |more| Self { end: cut.end, ..more });
        (cut.end - cut.start > text.len() / 8).then_some(cut)
    }

    /// Returns the least indented lines that start a little behind a place.
    fn behind(text: &str, place: usize) -> Option<Self> {
        let place = text.floor_char_boundary(place);
        let from = place + text[place..].find('\n')? + 1;
        let window = from + text.len() / 16;
        let mut best: Option<(usize, usize)> = None;
        for (at, column) in indents(text, from).take_while(|(at, _)| *at < window) {
            if best.is_none_or(|(_, least)| column < least) {
                best = starts_key(text, at, column).then_some((at, column));
            }
        }
        Self::at(text, best?.0)
    }

    /// Returns the lines from one that starts a key on to the first that is indented less.
    fn at(text: &str, start: usize) -> Option<Self> {
        let mut lines = indents(text, start);
        let (_, column) = lines.next().filter(|(at, _)| *at == start)?;
        let end = lines.find(|(_, other)| *other < column).map_or(text.len(), |(at, _)| at);
        starts_key(text, start, column).then_some(Self { start, column, end })
    }

    /// Returns where the first key starts.
    fn key(self) -> usize {
        self.start + self.column
    }

    /// Returns the text around the lines, with the stand-in for them.
    fn around(self, text: &str) -> String {
        [&text[..=self.key()], STAND_IN, &text[self.end..]].concat()
    }

    /// Returns where in the file a place of the text around is that is behind the stand-in.
    fn whole(self, place: usize) -> Option<usize> {
        let behind = self.key() + 1 + STAND_IN.len();
        place.checked_sub(behind).map(|after| self.end + after)
    }
}

/// Returns where lines start, from the one at `from` on, and how many spaces they start with; without blank lines and
/// comments.
fn indents(text: &str, from: usize) -> impl Iterator<Item = (usize, usize)> {
    let mut next = from;
    text[from..].split_inclusive('\n').filter_map(move |line| {
        let at = next;
        next += line.len();
        let column = line.bytes().position(|byte| byte != b' ')?;
        (!matches!(line.as_bytes()[column], b'#' | b'\r' | b'\n')).then_some((at, column))
    })
}

/// Returns whether a line may start with a key of an inner map: a letter after spaces, which no token but a plain scalar
/// starts with.
fn starts_key(text: &str, line: usize, column: usize) -> bool {
    let first = text.as_bytes()[line + column];
    column > 0 && (first.is_ascii_alphabetic() || first == b'_')
}

/// Parses a large file in two threads; `None` if it must be parsed by one, and then nothing has happened.
pub(super) fn parse(text: &str, file: u32, budget: &mut Budget) -> Option<Tree> {
    let cut = WORTH_A_THREAD.contains(&text.len()).then(|| Cut::find(text))??;
    let (vain, limits) = (AtomicBool::new(false), budget.clone());
    std::thread::scope(|scope| {
        let inside = || Inside::parse(text, file, limits, cut, &vain);
        let inside = std::thread::Builder::new().spawn_scoped(scope, inside).ok()?;
        let join = || inside.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        or_vain(&vain, || around(text, file, budget, cut, &vain, join))
    })
}

/// Does the work of one thread; if it fails, the other one's is in vain.
fn or_vain<T>(vain: &AtomicBool, work: impl FnOnce() -> Option<T>) -> Option<T> {
    let result = work();
    if result.is_none() {
        vain.store(true, Ordering::Relaxed);
    }
    result
}

/// Events with the bytes of the file they are about, until there is an error or the work is in vain.
struct Events<'t> {
    parser: Parser<'t, StrInput<'t>>,
    vain: &'t AtomicBool,
}

impl<'t> Events<'t> {
    /// Returns the next event with its bytes in the parser's text, and whether it is a key of a block map.
    fn next(&mut self) -> Option<(Event<'t>, Range<usize>, bool)> {
        if self.vain.load(Ordering::Relaxed) {
            return None;
        }
        let (event, span) = self.parser.next_event()?.ok()?;
        Some((event, span.byte_range()?, span.indent.is_some()))
    }
}

/// What was parsed of the lines cut out.
struct Inside {
    entries: Entries,
    /// The bytes their map's end is about.
    end: Range<usize>,
}

impl Inside {
    fn parse(
        text: &str,
        file: u32,
        mut budget: Budget,
        cut: Cut,
        vain: &AtomicBool,
    ) -> Option<Self> {
        or_vain(vain, || {
            let (faults, nodes) = (Faults::default(), budget.nodes);
            let mut events = Events { parser: parser(&text[cut.start..], &budget), vain };
            let mut builder = Builder::new(file, cut.end - cut.start, &mut budget, &faults);
            loop {
                let (event, bytes, _) = events.next()?;
                let bytes = bytes.start + cut.start..bytes.end + cut.start;
                match (&event, builder.depth()) {
                    (Event::MappingEnd, 1) => {
                        let entries = builder.entries_so_far(nodes)?;
                        return Some(Self { entries, end: bytes });
                    }
                    (Event::StreamStart | Event::DocumentStart(..), 0)
                    | (Event::MappingStart(_, 0, None), _)
                    | (Event::SequenceStart(_, 0, None) | Event::Scalar(_, _, 0, None), 1..)
                    | (Event::SequenceEnd | Event::MappingEnd, 2..) => {}
                    _ => return None,
                }
                builder.sound(event, &bytes)?;
            }
        })
    }
}

/// Parses what is around the lines cut out, and puts into it what was parsed of them. Only success touches the budget.
fn around(
    text: &str,
    file: u32,
    budget: &mut Budget,
    cut: Cut,
    vain: &AtomicBool,
    inside: impl FnOnce() -> Option<Inside>,
) -> Option<Tree> {
    let around = cut.around(text);
    let (faults, mut left) = (Faults::default(), budget.clone());
    let mut events = Events { parser: parser(&around, budget), vain };
    let mut builder = Builder::new(file, text.len(), &mut left, &faults);
    let key = cut.key()..cut.key() + 1;
    loop {
        let (event, bytes, is_key) = events.next()?;
        let plain = matches!(event, Event::Scalar(_, ScalarStyle::Plain, 0, None));
        if plain && is_key && bytes == key {
            break;
        }
        // The letter is in something else; that will not get better.
        if bytes.end > key.start {
            return None;
        }
        builder.sound(event, &bytes)?;
    }
    let whole = |bytes: Range<usize>| Some(cut.whole(bytes.start)?..cut.whole(bytes.end)?);
    // The stand-in's value.
    events.next().filter(|(event, ..)| matches!(event, Event::Scalar(..)))?;
    let (event, end, _) = events.next()?;
    let (end, inside) = (whole(end)?, inside()?);
    if event != Event::MappingEnd || end != inside.end {
        return None;
    }
    builder.splice(inside.entries)?;
    builder.sound(event, &end)?;
    while let Some((event, bytes, _)) = events.next() {
        let last = event == Event::StreamEnd;
        builder.sound(event, &whole(bytes)?)?;
        if last {
            let tree = builder.tree();
            *budget = left;
            return Some(tree);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use proptest::collection::vec;
    use proptest::prelude::any;
    use proptest::test_runner::Config;
    use proptest::test_runner::TestRunner;

    use super::super::tree;
    use super::*;
    use crate::Budgets;
    use crate::diag::Fault;

    const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

    /// How often a cut was tried on a text that has no faults, and how often the two parts fitted.
    #[derive(Debug, Default)]
    struct Count {
        tried: usize,
        fitted: usize,
    }

    /// Parses a text in one go, and cut at every line that it may be cut at: all that fit must give the same.
    fn compare(text: &str, budget: &Budget, count: &mut Count) {
        let (mut left, faults) = (budget.clone(), Faults::default());
        let whole = tree::parse_whole(text, 3, &mut left, &faults);
        let sound = whole.is_ok() && faults.is_empty();
        let breaks = text.bytes().enumerate().filter(|(_, byte)| matches!(byte, b'\n' | b'\r'));
        let starts = breaks.map(|(at, _)| at + 1);
        for cut in starts.filter_map(|start| Cut::at(text, start)) {
            let (mut rest, vain) = (budget.clone(), AtomicBool::new(false));
            let inside = || Inside::parse(text, 3, budget.clone(), cut, &vain);
            let made = around(text, 3, &mut rest, cut, &AtomicBool::new(false), inside);
            count.tried += usize::from(sound);
            let Some(made) = made else {
                assert_eq!(rest, *budget, "nothing has happened: {cut:?} of {text:?}");
                continue;
            };
            assert!(sound, "faults were lost: {cut:?} of {text:?}");
            assert_eq!(Ok(&made), whole.as_ref().map_err(Fault::code), "{cut:?} of {text:?}");
            assert_eq!(rest, left, "{cut:?} of {text:?}");
            count.fitted += 1;
        }
    }

    fn compare_files(folder: &Path, count: &mut Count) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                compare_files(&path, count);
            } else if path.extension().is_some_and(|extension| extension == "yaml") {
                // Those of `tests/suite` are many files, with such lines between.
                for text in fs::read_to_string(path).unwrap().split("\n### ") {
                    compare(text, &Budget::default(), count);
                }
            }
        }
    }

    #[test]
    fn files_cut_at_any_line_are_the_same() {
        let mut count = Count::default();
        for folder in ["examples", "profiles", "suite", "fuzz/seeds", "crates/koinon-tosca/tests"] {
            compare_files(&Path::new(ROOT).join(folder), &mut count);
        }
        // The others are in files whose anchors, tags or lists of one line stand in the way.
        assert!(count.tried > 10_000 && count.fitted * 10 > count.tried * 9, "{count:?}");
    }

    /// Entries of a map, and what may stand between them. `$` is a name, `^` the start of a line without indentation.
    const SOUND: [&str; 50] = [
        "$: 1",
        "$: 1",
        "$:",
        "_$: word",
        "$: plain\n  goes on\n\n  and on",
        "$: \"quoted\n  over lines\"",
        "$: 'single\n\n  lines'",
        "$: \"a\\\n  b\"",
        "$: |\n  text\n   more",
        "$: |\n  text\n\n\n",
        "$: |+\n  kept\n\n\n",
        "$: |-\n  cut\n",
        "$: |2\n    two",
        "$: |1\n  $: one",
        "$: |\n",
        "$: |+\n\n",
        "$: >-\n  folded\n  # no comment",
        "$: >\n\n  late\n   more\n",
        "$: | # comment\n  text",
        "$: {a: 1, b: [2, 3]}",
        "$: {a: 1,\n  b: [2,\n^3]}",
        "$: {a: 1,\n  $: 2,\n  }",
        "$: [a,\n^  b: c]",
        "$:\n- a\n- b: 1\n  c: 2",
        "$:\n  - x\n  -\n  - - y",
        "$:\n- $: 1\n-",
        "$:\n  # comment\n  value",
        "$:\n  $: 1\n\n  # end",
        "$:\n  $:\n    $: deep",
        "? $\n: v",
        "? $",
        "?\n  $: 1\n  $: 2\n:\n  $: 3",
        "? - a\n: - b",
        "? |\n  block key $\n: 1",
        "? # comment\n  $\n: v",
        "# comment",
        "^# comment",
        "  # comment",
        "^ \t# comment",
        "",
        "  ",
        "\t",
        "$: \t x",
        "$: 1 # comment",
        "$: e\u{301}\u{fc} \u{6f22}",
        "e\u{301}$: 1",
        "\"$\": q",
        "'$' : q",
        "<<: {m: 1}",
        "<<: {m: 1, $: 2}",
    ];

    /// What is seldom meant, or is an error where it stands.
    const ODD: [&str; 36] = [
        "k: twice",
        "$: [a,\n  $: 1\n  $: 2\n^, b]",
        "$: {a: 1,\n  $: 1\n  $: 2\n^, $: 2}",
        "$: {a: 1,\n  $: 1\n  $: 2\n^}",
        "? &n\n$: 1",
        "? !!str\n$: 1",
        "?\n: 1",
        "?\t$\n: 1",
        "$: \"quoted\n  over\n^lines\"",
        "$: |\n^",
        "$: {a: 1,\n$: 2",
        "$: 1 # comment\n  more",
        "^\t$: tab",
        " \t$: tab",
        "$: &n 1",
        "$: &n\n  $: 1",
        "$: *n",
        "<<: *n",
        "<<: 1",
        "&n $: 1",
        "$: !!str 5",
        "$: !x y",
        ": empty",
        "- item",
        "- $: 1\n  $: 2",
        "plain",
        "plain text\n  more",
        "plain\n$: 1",
        "$: ]",
        "$: \"",
        "}",
        "^---",
        "^...",
        "^%YAML 1.2",
        "$: \0",
        "$: \u{feff}",
    ];

    /// Starts and ends of files.
    const STARTS: [&str; 6] =
        ["", "", "\u{feff}", "---\n", "%YAML 1.2\n---\n", "%TAG !! tag:x:\n---\n"];
    const ENDS: [&str; 8] = ["", "\n", "\n\n", "\n...\n", "\n---\n", "\n# end", "\n  # end\n", " "];

    /// Writes a text as the numbers say: pieces deeper, as deep, or less deep than those before.
    fn write(numbers: &[u8]) -> String {
        let mut numbers = numbers.iter().map(|number| usize::from(*number));
        let mut next = |bound: usize| numbers.next().map(|number| number % bound);
        let mut text = STARTS[next(6).unwrap_or(0)].to_owned();
        let end = ENDS[next(8).unwrap_or(0)];
        // Most texts have only what is sound, so that there is something to compare.
        let odd = next(4) == Some(0);
        let breaks = [["\n"; 3], ["\n"; 3], ["\r\n"; 3], ["\n", "\r", "\r\n"]];
        let breaks = breaks[next(4).unwrap_or(0)];
        let mut lines = 0;
        let mut columns = vec![0];
        let mut name = 0;
        let mut add = |columns: &[usize], piece: &str| {
            for line in piece.split('\n') {
                if !text.is_empty() && !text.ends_with('\n') {
                    text.push_str(breaks[lines % 3]);
                    lines += 1;
                }
                let bare = line.strip_prefix('^');
                let spaces = if bare.is_some() { 0 } else { columns[columns.len() - 1] };
                text.extend(std::iter::repeat_n(' ', spaces));
                for (index, part) in bare.unwrap_or(line).split('$').enumerate() {
                    if index > 0 {
                        name += 1;
                        text.push_str(&format!("k{}", name % 40));
                    }
                    text.push_str(part);
                }
            }
        };
        while let Some(turn) = next(8) {
            match turn {
                0 | 1 => {
                    let (piece, deeper) =
                        [("$:", 1), ("$: # comment", 2), ("$:\n- $: 1", 2), ("? $: 1\n", 2)]
                            [next(4).unwrap_or(0)];
                    add(&columns, piece);
                    columns.push(columns[columns.len() - 1] + deeper);
                }
                2 if columns.len() > 1 => {
                    let less = 1 + next(columns.len() - 1).unwrap_or(0);
                    columns.truncate(columns.len() - less);
                }
                3 if odd => columns.push(next(7).unwrap_or(0)),
                4 if odd => add(&columns, ODD[next(ODD.len()).unwrap_or(0)]),
                _ => add(&columns, SOUND[next(SOUND.len()).unwrap_or(0)]),
            }
        }
        text + end
    }

    #[test]
    fn large_files_are_parsed_in_two_threads() {
        let node =
            |at| format!("    node_{at}:\n      type: Server\n      properties: {{size: {at}}}\n");
        let nodes: String = (0..10_000).map(node).collect();
        let text = format!("service_template:\n  node_templates:\n{nodes}  policies: []\n");
        let cut = Cut::find(&text).unwrap();
        assert!(text[cut.start..].starts_with("    node_"), "{cut:?}");
        assert!(text[cut.end..].starts_with("  policies"), "{cut:?}");
        let parts = parse(&text, 3, &mut Budget::default());
        let (faults, budget) = (Faults::default(), &mut Budget::default());
        assert_eq!(parts.unwrap(), tree::parse_whole(&text, 3, budget, &faults).unwrap());

        for broken in ["size: 9900, size: 1", "size: !x 9900", "size: *x", "size: [9900"] {
            let text = text.replace("size: 9900", broken);
            assert!(parse(&text, 3, &mut Budget::default()).is_none(), "{broken}");
            let found = |parse: fn(&str, u32, &mut Budget, &Faults) -> Result<Tree, Fault>| {
                let (faults, mut budget) = (Faults::default(), Budget::default());
                let tree = parse(&text, 3, &mut budget, &faults);
                format!("{tree:?} {faults:?} {budget:?}")
            };
            assert_eq!(found(tree::parse), found(tree::parse_whole));
        }
    }

    #[test]
    fn budgets_are_those_of_the_whole() {
        let texts = [
            // Aliases of what the lines are in weigh what is in the lines.
            "a: &a\n  b:\n    c: [1, 2]\n    d: {e: {f: 1}}\n    <<: {g: 1}\n  h: long text\ni: [[*a], *a]\n",
            // A merge takes the last of the budget.
            "a:\n  b: 1\n  c: {d: 1, <<: {e: 1}}",
        ];
        let mut count = Count::default();
        for (nodes, depth) in (0..200).flat_map(|nodes| (1..9).map(move |depth| (nodes, depth))) {
            let budget = Budget::new(&Budgets { nodes, depth, ..Budgets::default() });
            for text in texts {
                compare(text, &budget, &mut count);
            }
        }
        assert!(count.fitted > 1_000, "{count:?}");
    }

    #[test]
    fn texts_cut_at_any_line_are_the_same() {
        let mut runner = TestRunner::new(Config { failure_persistence: None, ..Config::default() });
        let count = std::cell::RefCell::new(Count::default());
        let numbers = (vec(any::<u8>(), 0..60), 0_u64..150, 1_usize..9);
        let result = runner.run(&numbers, |(numbers, nodes, depth)| {
            let tight = Budgets { nodes, depth, ..Budgets::default() };
            for budget in [Budget::default(), Budget::new(&tight)] {
                compare(&write(&numbers), &budget, &mut count.borrow_mut());
            }
            Ok(())
        });
        result.unwrap();
        let count = count.into_inner();
        println!("{count:?}");
        assert!(count.fitted * 3 > count.tried && count.tried > 0, "{count:?}");
    }
}

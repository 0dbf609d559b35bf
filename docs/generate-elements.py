#!/usr/bin/env python3
"""Writes docs/elements/<element>.md from the built plugin: `docs/generate-elements.py BUILD-DIRECTORY [--check]`.

What the type system knows comes from describe-elements.c; what it does not know, the meaning of signals, from the
doc comments in gst/ ("Class::signal-name:"); the introduction from docs/elements/intro/. Nothing depends on the
version of GStreamer or on which codecs are installed. With --check nothing is written, and what is undocumented or
out of date is told (exit code 1). docs/elements/messages.md is written by hand; its names are compared with gst/.
"""
import glob
import os
import re
import shlex
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
PAGES = os.path.join(ROOT, "docs", "elements")
ELEMENTS = ("livekitsrc", "livekitsink", "livekitdatasrc", "livekitdatasink")
TYPES = {"gchararray": "string", "gboolean": "boolean", "guint": "unsigned integer", "gint64": "64-bit integer",
         "gfloat": "float", "gint": "integer", "gdouble": "double", "GstStructure": "structure",
         "GstValueArray": "array of strings", "void": ""}


def describe(build):
    """The lines of describe-elements.c, by element."""
    with tempfile.TemporaryDirectory(prefix="lk-describe-") as directory:
        program = os.path.join(directory, "describe")
        flags = subprocess.run(["pkg-config", "--cflags", "--libs", "gstreamer-1.0"], stdout=subprocess.PIPE, text=True,
                               check=True).stdout
        subprocess.run([*shlex.split(os.environ.get("CC", "cc")), "-o", program,
                        os.path.join(ROOT, "docs", "describe-elements.c"), *shlex.split(flags)], check=True)
        env = dict(os.environ, GST_PLUGIN_PATH=os.path.join(build, "gst"),
                   GST_REGISTRY=os.path.join(directory, "registry.bin"), LC_ALL="C.UTF-8")
        for variable in [name for name in env if name.startswith("LIVEKIT_")]:
            del env[variable]
        return {name: [line.split("\t") for line in subprocess.run(
            [program, name], env=env, stdout=subprocess.PIPE, text=True, check=True).stdout.splitlines()]
            for name in ELEMENTS}


def sources():
    for path in sorted(glob.glob(os.path.join(ROOT, "gst", "**", "*.cpp"), recursive=True)):
        with open(path, encoding="utf-8") as text:
            yield text.read()


def signal_comments():
    """(class, signal) → (arguments as (name, text), text, what it returns). The class Participant stands for all."""
    found = {}
    for text in sources():
        for comment in re.findall(r"/\*\*(.*?)\*/", text, re.DOTALL):
            lines = [re.sub(r"^\s*\*? ?", "", line).rstrip() for line in comment.strip().splitlines()]
            head = re.fullmatch(r"(\w+)::([\w-]+):", lines[0])
            if not head:
                continue
            arguments, text_lines, returns, into = [], [], [], None
            for line in lines[1:]:
                argument = re.match(r"@([\w-]+): (.*)", line)
                if argument:
                    into = [argument.group(2)]
                    arguments.append((argument.group(1), into))
                elif line.startswith("Returns: "):
                    into = returns
                    into.append(line[len("Returns: "):])
                elif not line:
                    into = text_lines
                else:
                    (text_lines if into is None else into).append(line)
            found[head.groups()] = ([(name, " ".join(words)) for name, words in arguments], " ".join(text_lines),
                                    " ".join(returns))
    return found


def cell(text):
    return text.replace("|", "\\|")


def type_of(name):
    return TYPES.get(name, f"[{name}](#{name.lower()})" if name.startswith("GstLiveKit") else f"`{name}`")


def property_table(rows, problems, where):
    yield "| name | type | default | range | access | may be set | |"
    yield "|---|---|---|---|---|---|---|"
    for name, kind, default, span, access, when, blurb in rows:
        if not blurb:
            problems.append(f"{where}: property {name} has no description")
        shown = f"`{default}`" if default else ""
        yield f"| `{name}` | {type_of(kind)} | {shown} | {span} | {access} | {when} | {cell(blurb)} |"


def pad_properties(lines, name, problems):
    """A table per type of pads, with a title where there are several."""
    types = []
    for kind, *columns in lines:
        if kind == "pad-type":
            types.append((columns[0], []))
        elif kind == "pad-property":
            types[-1][1].append(columns)
    for title, rows in types:
        if len(types) > 1:
            yield f"### Of `{title.replace('audio_%u', 'audio_%u` and `video_%u')}`"
            yield ""
        yield from property_table(rows, problems, f"{name} pad {title}")
        yield ""


def signal_text(row, element_class, comments, problems):
    kind, name, returned, types = row
    comment = comments.get((element_class, name)) or comments.get(("Participant", name))
    types = types.split(",") if types else []
    if comment is None:
        problems.append(f"{element_class}: signal {name} has no comment '{element_class}::{name}:' in gst/")
        return
    arguments, text, returns = comment
    if len(arguments) != len(types):
        problems.append(f"{element_class}: signal {name} has {len(types)} arguments, its comment {len(arguments)}")
        return
    if not text:
        problems.append(f"{element_class}: the comment of signal {name} does not say what it is for")
    if (returned != "void") != bool(returns):
        problems.append(f"{element_class}: the comment of signal {name} and its return value {returned} disagree")
    yield f"### {name}"
    yield ""
    yield text
    yield ""
    for (argument, meaning), argument_type in zip(arguments, types):
        yield f"* `{argument}` ({type_of(argument_type)}): {meaning}"
    if returns:
        yield f"* returns ({type_of(returned)}): {returns}"
    if arguments or returns:
        yield ""


def page(name, lines, comments, problems):
    rows = {}
    for kind, *columns in lines:
        rows.setdefault(kind, []).append(columns)
    _, element_class, klass, description = rows["element"][0]
    yield "<!-- Written by docs/generate-elements.py: edit the sources in gst/ or docs/elements/intro/ instead. -->"
    yield f"# {name}"
    yield ""
    yield f"{description} ({klass})."
    yield ""
    with open(os.path.join(PAGES, "intro", name + ".md"), encoding="utf-8") as text:
        yield text.read().rstrip()
    yield ""
    yield "## Pads"
    yield ""
    yield "| name | direction | presence | formats |"
    yield "|---|---|---|---|"
    # An installation that lacks a payloader offers less on some templates: all that may be offered is shown.
    formats = list(dict.fromkeys(columns[0] for columns in rows.get("caps", [])))
    for template, direction, presence, _ in rows["template"]:
        wanted = [f for f in formats if not template.startswith(("audio_", "video_")) or f.startswith(template[:5])]
        yield f"| `{template}` | {direction} | {presence} | {', '.join(f'`{f}`' for f in wanted) or 'any'} |"
    yield ""
    if "pad-property" in rows:
        yield "Encoded formats need the payloader or depayloader of their codec, raw ones its encoder or decoder."
        yield ""
    yield "## Properties"
    yield ""
    yield from property_table(rows["property"], problems, name)
    yield ""
    if "pad-property" in rows:
        yield "## Pad properties"
        yield ""
        yield "In `gst-launch-1.0` and through GstChildProxy: `" + ("video_0::quality=low" if name == "livekitsrc" else
                                                                   "audio_0::track-name=voice") + "`."
        yield ""
        yield from pad_properties(lines, name, problems)
    for title, kind in (("Signals", "signal"), ("Action signals", "action")):
        yield f"## {title}"
        yield ""
        for columns in rows.get(kind, []):
            yield from signal_text([kind, *columns], element_class, comments, problems)
    yield "## Messages"
    yield ""
    yield "Events are also messages on the bus: [messages](messages.md)."
    yield ""
    yield "## Enumerations"
    yield ""
    for kind, *columns in lines:
        if kind == "enum":
            yield f"\n### {columns[0]}\n"
        elif kind == "value":
            yield f"* `{columns[0]}`: {columns[1]}"


def check_messages(problems):
    """Every message named in gst/ is in messages.md, and the other way round."""
    posted = set()
    for text in sources():
        posted |= set(re.findall(r'"(livekit-[a-z-]+)"', text))
        posted |= {"livekit-" + name for name in re.findall(r'\b(?:about_participant|room) \("([a-z-]+)"', text)}
    with open(os.path.join(PAGES, "messages.md"), encoding="utf-8") as text:
        told = set(re.findall(r"^\| `(livekit-[a-z-]+)`", text.read(), re.MULTILINE))
    problems += [f"messages.md does not tell of {name}" for name in sorted(posted - told)]
    problems += [f"messages.md tells of {name}, which nothing in gst/ names" for name in sorted(told - posted)]


def main():
    build, check = os.path.abspath(sys.argv[1]), "--check" in sys.argv[2:]
    problems, comments = [], signal_comments()
    for name, lines in describe(build).items():
        text = re.sub(r"\n{3,}", "\n\n", "\n".join(page(name, lines, comments, problems))).rstrip() + "\n"
        path = os.path.join(PAGES, name + ".md")
        if not check:
            with open(path, "w", encoding="utf-8") as out:
                out.write(text)
            continue
        try:
            with open(path, encoding="utf-8") as old:
                fresh = old.read() == text
        except FileNotFoundError:
            fresh = False
        if not fresh:
            problems.append(f"docs/elements/{name}.md is out of date: run docs/generate-elements.py {sys.argv[1]}")
    check_messages(problems)
    print(*problems, sep="\n")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())

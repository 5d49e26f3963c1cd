#!/usr/bin/env python3
"""Turn a text file into a C string, so that the program carries it: embed.py IN OUT NAME HEADER"""
import sys

source, target, name, header = sys.argv[1:]
with open(source, encoding="ascii") as text, open(target, "w", encoding="ascii") as out:
    out.write(f'#include "{header}"\n\nconst char {name}[] =')
    for line in text:
        escaped = line.rstrip("\n").replace("\\", "\\\\").replace('"', '\\"').replace("\t", "\\t")
        out.write(f'\n\t"{escaped}\\n"')
    out.write(";\n")

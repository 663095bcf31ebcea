#!/usr/bin/env python3
"""Makes the pictures and the figures of ../fax-images.md from one page of letters, lines and a photograph.

Needs ghostscript and the program: python3 make.py ../../target/release/vpim-milter
The photograph is computed, so that nobody else's picture is needed.
"""
import math, os, struct, subprocess, sys, tempfile, zlib

DPI = (204, 196)
SIDE = 260  # samples of the photograph on each side
CROP = (300, 320, 800, 580)  # left, top, width, rows of the pictures


def photograph():
    """A lit ball before a sky, grey, one octet a sample."""
    rows = bytearray()
    for y in range(SIDE):
        for x in range(SIDE):
            dx, dy = (x - SIDE * 0.5) / (SIDE * 0.36), (y - SIDE * 0.55) / (SIDE * 0.36)
            inside = 1 - dx * dx - dy * dy
            if inside > 0:
                z = math.sqrt(inside)
                light = max(0.0, (-0.5 * dx - 0.6 * dy + 0.62 * z))
                shade = 0.12 + 0.6 * light + 0.28 * light ** 24
            else:
                shade = 0.92 - 0.5 * y / SIDE + 0.03 * math.sin(x / 17) * math.cos(y / 11)
            rows.append(max(0, min(255, round(255 * shade))))
    return bytes(rows)


def page(folder):
    """The page as a PDF."""
    text = "".join(
        f"/Times-Roman findfont {size} scalefont setfont 110 {y} moveto (The quick brown fox jumps over the lazy dog, {size} pt) show\n"
        for size, y in [(14, 690), (11, 674), (9, 661), (7, 650), (5, 642)]
    )
    lines = "".join(f"{width} setlinewidth 110 {y} moveto 380 {y} lineto stroke\n" for width, y in [(0.3, 636), (1, 632)])
    ps = f"""%!PS
<< /PageSize [595 842] >> setpagedevice
{text}{lines}gsave 110 475 translate 150 150 scale
{SIDE} {SIDE} 8 [{SIDE} 0 0 -{SIDE} 0 {SIDE}] currentfile /ASCIIHexDecode filter image
{photograph().hex()}>
grestore
/Helvetica findfont 9 scalefont setfont 270 560 moveto (Letters beside the photograph) show
0.75 setgray 270 500 100 40 rectfill 0 setgray 276 516 moveto (on a grey ground) show
showpage
"""
    source, pdf = os.path.join(folder, "page.ps"), os.path.join(folder, "page.pdf")
    open(source, "w").write(ps)
    subprocess.run(["gs", "-q", "-dBATCH", "-dNOPAUSE", "-dSAFER", "-sDEVICE=pdfwrite", "-dAutoFilterGrayImages=false",
                    "-dGrayImageFilter=/FlateEncode", "-dDownsampleGrayImages=false", f"-sOutputFile={pdf}", source], check=True)
    return pdf


def netpbm(data):
    """Kind, width, rows and the octets behind the header."""
    fields, at = [], 0
    while len(fields) < (3 if data[:2] == b"P4" else 4):
        end = at
        while data[end:end + 1].strip():
            end += 1
        if data[at:at + 1] == b"#":
            end = data.index(b"\n", at)
        elif end > at:
            fields.append(data[at:end])
        at = end + 1
    return fields[0], int(fields[1]), int(fields[2]), data[at:]


def grey(folder, pdf):
    out = os.path.join(folder, "grey.pgm")
    subprocess.run(["gs", "-q", "-dBATCH", "-dNOPAUSE", "-dSAFER", "-sDEVICE=pgmraw", "-dTextAlphaBits=4",
                    "-dGraphicsAlphaBits=4", f"-r{DPI[0]}x{DPI[1]}", f"-sOutputFile={out}", pdf], check=True)
    _, width, rows, data = netpbm(open(out, "rb").read())
    return [list(data[y * width:(y + 1) * width]) for y in range(rows)]


def ours(program, folder, pdf, columns):
    """The page as we draw it: on the 1728 columns of a fax, its own in the middle."""
    out = os.path.join(folder, "page.pbm")
    subprocess.run([program, "transcode", "--to", "image/x-portable-bitmap", pdf, out], check=True,
                   stdout=subprocess.DEVNULL)
    _, width, rows, data = netpbm(open(out, "rb").read())
    octets = (width + 7) // 8
    bit = lambda x, y: data[y * octets + x // 8] >> (7 - x % 8) & 1
    margin = (width - columns) // 2
    return [[0 if bit(margin + x, y) else 255 for x in range(columns)] for y in range(rows)]


def threshold(page):
    return [[0 if shade < 128 else 255 for shade in row] for row in page]


def diffused(page):
    rows = [row[:] for row in page]
    for y, row in enumerate(rows):
        for x, shade in enumerate(row):
            row[x] = 0 if shade < 128 else 255
            error = shade - row[x]
            for dx, dy, share in [(1, 0, 7), (-1, 1, 3), (0, 1, 5), (1, 1, 1)]:
                if 0 <= x + dx < len(row) and y + dy < len(rows):
                    rows[y + dy][x + dx] += error * share / 16
    return rows


def cut(page, box):
    left, top, width, rows = box
    return [row[left:left + width] for row in page[top:top + rows]]


def png(name, page, bits):
    width, rows = len(page[0]), len(page)
    raw = bytearray()
    for row in page:
        raw.append(0)
        if bits == 8:
            raw.extend(int(shade) for shade in row)
        else:
            for x in range(0, width, 8):
                raw.append(sum((row[x + n] > 0) << (7 - n) for n in range(8) if x + n < width))
    chunk = lambda kind, data: struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    header = struct.pack(">IIBBBBB", width, rows, bits, 0, 0, 0, 0)
    open(name, "wb").write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(raw), 9))
                           + chunk(b"IEND", b""))


def specks(page):
    """Dots without a neighbour of their own shade, in thousandths of all dots."""
    alone = 0
    for y in range(1, len(page) - 1):
        for x in range(1, len(page[0]) - 1):
            here = page[y][x]
            alone += all(page[y + dy][x + dx] != here for dx, dy in [(1, 0), (-1, 0), (0, 1), (0, -1)])
    return 1000 * alone / (len(page) * len(page[0]))


def shade_error(page, wanted, square=16):
    """Mean difference of the shade of squares, in shades of 255."""
    total = count = 0
    for y in range(0, len(page) - square + 1, square):
        for x in range(0, len(page[0]) - square + 1, square):
            mean = lambda p: sum(sum(row[x:x + square]) for row in p[y:y + square]) / square ** 2
            total, count = total + abs(mean(page) - mean(wanted)), count + 1
    return total / count


def main(program):
    here = os.path.dirname(os.path.abspath(__file__))
    with tempfile.TemporaryDirectory() as folder:
        pdf = page(folder)
        source = grey(folder, pdf)
        found = {"grey": source, "threshold": threshold(source), "diffused": diffused(source), "ours": ours(program, folder, pdf, len(source[0]))}
        place = lambda x0, y0, x1, y1: (round(x0 * DPI[0] / 72), round((842 - y1) * DPI[1] / 72),
                                        round((x1 - x0) * DPI[0] / 72), round((y1 - y0) * DPI[1] / 72))
        letters, photo = place(105, 638, 385, 705), place(114, 479, 256, 621)
        for name, result in found.items():
            png(os.path.join(here, name + ".png"), cut(result, CROP), 8 if name == "grey" else 1)
            if name != "grey":
                print(f"{name}: specks in letters {specks(cut(result, letters)):.2f} per mille, "
                      f"shade of the photograph off by {shade_error(cut(result, photo), cut(source, photo)):.1f}")


main(sys.argv[1])

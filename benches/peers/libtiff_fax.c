/* Throughput of libtiff in T.6 (MMR): "encode R" and "decode R", million pixels a second of CPU time. The file is
   in memory, its pages have one strip each. cc -O2 libtiff_fax.c -ltiff; arguments: a TIFF file, seconds. */
#include "peer.h"
#include <string.h>
#include <tiffio.h>

struct memory {
    unsigned char *data;
    size_t size, room, at;
};

#define PAGES 64

struct page {
    unsigned width, rows;
    unsigned char *data;
    tmsize_t octets;
};

static tmsize_t get(thandle_t h, void *to, tmsize_t n) {
    struct memory *m = h;
    size_t left = m->at < m->size ? m->size - m->at : 0;
    if ((size_t)n > left) n = left;
    memcpy(to, m->data + m->at, n);
    m->at += n;
    return n;
}

static tmsize_t put(thandle_t h, void *from, tmsize_t n) {
    struct memory *m = h;
    if (m->at + n > m->room) return 0;
    memcpy(m->data + m->at, from, n);
    m->at += n;
    if (m->at > m->size) m->size = m->at;
    return n;
}

static toff_t seek(thandle_t h, toff_t to, int whence) {
    struct memory *m = h;
    m->at = whence == SEEK_SET ? to : whence == SEEK_CUR ? m->at + to : m->size + to;
    return m->at;
}

static int end(thandle_t h) {
    (void)h;
    return 0;
}

static toff_t size(thandle_t h) {
    return ((struct memory *)h)->size;
}

static TIFF *open_memory(struct memory *m, const char *mode) {
    m->at = 0;
    return TIFFClientOpen("memory", mode, m, get, put, seek, end, size, NULL, NULL);
}

int main(int argc, char **argv) {
    if (argc < 3) return 2;
    struct memory in = {0}, out = {0};
    in.data = whole_file(argv[1], &in.size);
    in.room = in.size;
    double wanted = atof(argv[2]), begin, spent;
    static struct page pages[PAGES];
    size_t count = 0;
    double pixels = 0;
    begin = cpu();
    do {
        TIFF *tiff = open_memory(&in, "rm");
        if (!tiff) return 1;
        count = 0;
        do {
            struct page *page = &pages[count++];
            TIFFGetField(tiff, TIFFTAG_IMAGEWIDTH, &page->width);
            TIFFGetField(tiff, TIFFTAG_IMAGELENGTH, &page->rows);
            page->octets = TIFFStripSize(tiff);
            if (!page->data) page->data = malloc(page->octets);
            if (TIFFReadEncodedStrip(tiff, 0, page->data, page->octets) != page->octets) return 1;
            pixels += (double)page->width * page->rows / 1e6;
        } while (count < PAGES && TIFFReadDirectory(tiff));
        TIFFClose(tiff);
        spent = cpu() - begin;
    } while (spent < wanted);
    double decode = pixels / spent;
    size_t all = 0;
    for (size_t n = 0; n < count; n++) all += pages[n].octets;
    out.room = all * 4 + 65536;
    out.data = malloc(out.room);
    pixels = 0;
    begin = cpu();
    do {
        out.size = 0;
        TIFF *tiff = open_memory(&out, "wm");
        if (!tiff) return 1;
        for (size_t n = 0; n < count; n++) {
            struct page *page = &pages[n];
            TIFFSetField(tiff, TIFFTAG_IMAGEWIDTH, page->width);
            TIFFSetField(tiff, TIFFTAG_IMAGELENGTH, page->rows);
            TIFFSetField(tiff, TIFFTAG_BITSPERSAMPLE, 1);
            TIFFSetField(tiff, TIFFTAG_SAMPLESPERPIXEL, 1);
            TIFFSetField(tiff, TIFFTAG_ROWSPERSTRIP, page->rows);
            TIFFSetField(tiff, TIFFTAG_COMPRESSION, COMPRESSION_CCITTFAX4);
            TIFFSetField(tiff, TIFFTAG_PHOTOMETRIC, PHOTOMETRIC_MINISWHITE);
            if (TIFFWriteEncodedStrip(tiff, 0, page->data, page->octets) != page->octets) return 1;
            TIFFWriteDirectory(tiff);
            pixels += (double)page->width * page->rows / 1e6;
        }
        TIFFClose(tiff);
        spent = cpu() - begin;
    } while (spent < wanted);
    printf("encode %.3f\ndecode %.3f\n", pixels / spent, decode);
    return 0;
}

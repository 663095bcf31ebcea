/* Throughput of LAME, quality 5, 32 kbit/s, one channel at 8000 samples a second: "encode R", million samples
   a second of CPU time. cc -O2 lame_mp3.c -lmp3lame; arguments: a file of 16-bit samples, seconds. */
#include "peer.h"
#include <lame/lame.h>

int main(int argc, char **argv) {
    if (argc < 3) return 2;
    size_t octets;
    short *samples = whole_file(argv[1], &octets);
    size_t count = octets / 2, room = count * 2 + 7200;
    unsigned char *coded = malloc(room);
    double begin = cpu(), spent;
    size_t rounds = 0;
    do {
        lame_t lame = lame_init();
        lame_set_in_samplerate(lame, 8000);
        lame_set_out_samplerate(lame, 8000);
        lame_set_num_channels(lame, 1);
        lame_set_mode(lame, MONO);
        lame_set_brate(lame, 32);
        lame_set_quality(lame, 5);
        if (lame_init_params(lame) < 0) return 1;
        int bytes = lame_encode_buffer(lame, samples, samples, count, coded, room);
        if (bytes < 0 || lame_encode_flush(lame, coded + bytes, room - bytes) < 0) return 1;
        lame_close(lame);
        rounds++;
        spent = cpu() - begin;
    } while (spent < atof(argv[2]));
    printf("encode %.3f\ndecode nan\n", rounds * count / 1e6 / spent);
    return 0;
}

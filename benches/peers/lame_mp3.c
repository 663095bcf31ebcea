/* Throughput of LAME, quality 5, 32 kbit/s, one channel at 8000 samples a second: "encode R", million samples
   a second of CPU time. cc -O2 lame_mp3.c -lmp3lame; arguments: a file of 16-bit samples, seconds. */
#include <lame/lame.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static double cpu(void) {
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return t.tv_sec + t.tv_nsec / 1e9;
}

int main(int argc, char **argv) {
    if (argc < 3) return 2;
    FILE *file = fopen(argv[1], "rb");
    if (!file) return 1;
    fseek(file, 0, SEEK_END);
    size_t count = ftell(file) / 2, room = count * 2 + 7200;
    rewind(file);
    short *samples = malloc(count * 2);
    unsigned char *coded = malloc(room);
    if (fread(samples, 2, count, file) != count) return 1;
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

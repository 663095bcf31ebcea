/* Throughput of libavcodec's G.726 at 32 kbit/s (little endian packing), for comparison in benches/g726.rs.
 *
 * Usage: avcodec_g726 SAMPLES.s16 SECONDS
 * Prints two lines, "encode X" and "decode X", X in million samples per second of thread CPU time: the
 * median of rounds that fill SECONDS each. Built and run by the benchmark; not part of the program. */
#include "peer.h"
#include <libavcodec/avcodec.h>
#include <libavutil/channel_layout.h>
#include <string.h>

enum { PACKET_BYTES = 4096, FRAME_SAMPLES = 4096, MAX_ROUNDS = 100000 };

static AVCodecContext *open_codec(int encoder) {
    const AVCodec *codec = encoder ? avcodec_find_encoder(AV_CODEC_ID_ADPCM_G726LE)
                                   : avcodec_find_decoder(AV_CODEC_ID_ADPCM_G726LE);
    AVCodecContext *context = codec ? avcodec_alloc_context3(codec) : NULL;
    if (!context) exit(2);
    context->sample_rate = 8000;
    context->bit_rate = 32000;
    context->bits_per_coded_sample = 4;
    context->sample_fmt = AV_SAMPLE_FMT_S16;
    context->time_base = (AVRational){1, 8000};
    av_channel_layout_default(&context->ch_layout, 1);
    if (avcodec_open2(context, codec, NULL) < 0) exit(2);
    return context;
}

static size_t take_packets(AVCodecContext *context, AVPacket *packet, unsigned char *out) {
    size_t written = 0;
    while (avcodec_receive_packet(context, packet) == 0) {
        memcpy(out + written, packet->data, packet->size);
        written += packet->size;
        av_packet_unref(packet);
    }
    return written;
}

static size_t encode(const short *in, size_t samples, unsigned char *out) {
    AVCodecContext *context = open_codec(1);
    AVPacket *packet = av_packet_alloc();
    AVFrame *frame = av_frame_alloc();
    size_t step = context->frame_size ? (size_t)context->frame_size : FRAME_SAMPLES, written = 0;
    frame->format = AV_SAMPLE_FMT_S16;
    frame->sample_rate = 8000;
    av_channel_layout_default(&frame->ch_layout, 1);
    frame->nb_samples = (int)step;
    if (av_frame_get_buffer(frame, 0) < 0) exit(2);
    for (size_t at = 0; at < samples; at += step) {
        size_t count = samples - at < step ? samples - at : step;
        av_frame_make_writable(frame);
        frame->nb_samples = (int)count;
        memcpy(frame->data[0], in + at, count * sizeof *in);
        avcodec_send_frame(context, frame);
        written += take_packets(context, packet, out + written);
    }
    avcodec_send_frame(context, NULL);
    written += take_packets(context, packet, out + written);
    av_frame_free(&frame);
    av_packet_free(&packet);
    avcodec_free_context(&context);
    return written;
}

static size_t decode(const unsigned char *in, size_t bytes, short *out) {
    AVCodecContext *context = open_codec(0);
    AVPacket *packet = av_packet_alloc();
    AVFrame *frame = av_frame_alloc();
    size_t written = 0;
    for (size_t at = 0; at < bytes; at += PACKET_BYTES) {
        size_t count = bytes - at < PACKET_BYTES ? bytes - at : PACKET_BYTES;
        if (av_new_packet(packet, (int)count) < 0) exit(2);
        memcpy(packet->data, in + at, count);
        avcodec_send_packet(context, packet);
        av_packet_unref(packet);
        while (avcodec_receive_frame(context, frame) == 0) {
            memcpy(out + written, frame->data[0], frame->nb_samples * sizeof *out);
            written += frame->nb_samples;
        }
    }
    av_frame_free(&frame);
    av_packet_free(&packet);
    avcodec_free_context(&context);
    return written;
}

int main(int argc, char **argv) {
    if (argc != 3) return 1;
    FILE *file = fopen(argv[1], "rb");
    if (!file) return 1;
    static short samples[1 << 22], back[1 << 23];
    static unsigned char codes[1 << 22];
    static double rounds[MAX_ROUNDS];
    size_t count = fread(samples, sizeof *samples, sizeof samples / sizeof *samples, file), bytes = 0;
    fclose(file);
    for (int decoding = 0; decoding < 2; decoding++) {
        double begin = cpu(), seconds = atof(argv[2]);
        int n = 0;
        while (n < MAX_ROUNDS && (n < 3 || cpu() - begin < seconds)) {
            double before = cpu();
            if (decoding) decode(codes, bytes, back);
            else bytes = encode(samples, count, codes);
            rounds[n++] = cpu() - before;
        }
        printf("%s %.3f\n", decoding ? "decode" : "encode", count / 1e6 / median(rounds, n));
    }
    return 0;
}

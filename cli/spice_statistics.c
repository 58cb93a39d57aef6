/*
 * SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "cli/spice_statistics.h"

#include "cli/options.h"

#include <inttypes.h>

#ifdef HAVE_EMBEDDED_SPICE

bool spice_statistics_check(GError **error)
{
    (void)error;
    return true;
}

/* To be freed; *COUNT of them. */
static SpiceDisplayStatistics *get(SpiceServer *server, int *count)
{
    SpiceDisplayStatistics *all;
    int room = spice_server_get_display_statistics(server, NULL, 0);

    all = g_new(SpiceDisplayStatistics, MAX(room, 1));
    *count = MIN(spice_server_get_display_statistics(server, all, room), room);
    return all;
}

static json_t *describe_codecs(const SpiceDisplayStatistics *one)
{
    json_t *codecs = json_array();

    for (unsigned i = 0; i < one->codec_count; i++) {
        const SpiceCodecStatistics *codec = &one->codecs[i];

        if (codec->images > 0)
            json_array_append_new(codecs, json_pack("{s:s,s:I,s:I,s:I,s:I}", "name", codec->name,
                                                    "images", (json_int_t)codec->images, "bytes-in",
                                                    (json_int_t)codec->bytes_in, "bytes-out",
                                                    (json_int_t)codec->bytes_out, "time-ns",
                                                    (json_int_t)codec->encode_ns));
    }
    return codecs;
}

static uint64_t mean_ack_ns(const SpiceDisplayStatistics *one)
{
    return one->acks > 0 ? one->ack_ns / one->acks : 0;
}

json_t *spice_statistics_query(SpiceServer *server, GError **error)
{
    int count;
    g_autofree SpiceDisplayStatistics *all = get(server, &count);
    json_t *list = json_array();

    (void)error;
    for (int i = 0; i < count; i++) {
        const SpiceDisplayStatistics *one = &all[i];
        json_t *entry =
            json_pack("{s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:o}",
                      "connection-id", (json_int_t)one->connection_id, "channel-id",
                      (json_int_t)one->channel_id, "commands", (json_int_t)one->commands, "hidden",
                      (json_int_t)one->hidden, "passed-on", (json_int_t)one->passed_on, "pictures",
                      (json_int_t)one->pictures, "folded", (json_int_t)one->folded, "messages",
                      (json_int_t)one->messages, "bytes", (json_int_t)one->bytes, "queue-length",
                      (json_int_t)one->queue_length, "queue-bytes", (json_int_t)one->queue_bytes,
                      "acks", (json_int_t)one->acks, "ack-mean-ns", (json_int_t)mean_ack_ns(one),
                      "ack-max-ns", (json_int_t)one->ack_max_ns, "codecs", describe_codecs(one));
        json_object_set_new(entry, "films",
                            json_pack("{s:I,s:I,s:I,s:I}", "running", (json_int_t)one->films,
                                      "bits-per-second", (json_int_t)one->film_bits_per_second,
                                      "frames-left-out", (json_int_t)one->film_frames_left_out,
                                      "frames-late", (json_int_t)one->film_frames_late));
        json_array_append_new(list, entry);
    }
    return json_pack("{s:o}", "displays", list);
}

static double milliseconds(uint64_t ns)
{
    return (double)ns / 1e6;
}

static void print_codecs(const SpiceDisplayStatistics *one, FILE *file)
{
    fprintf(file, "  %-12s %10s %12s %12s %8s %10s %10s\n", "pictures as", "count", "KiB of pixels",
            "KiB sent", "ratio", "ms", "MB/s");
    for (unsigned i = 0; i < one->codec_count; i++) {
        const SpiceCodecStatistics *codec = &one->codecs[i];

        if (codec->images == 0)
            continue;
        fprintf(file, "  %-12s %10" PRIu64 " %12" PRIu64 " %12" PRIu64 " %8.1f", codec->name,
                codec->images, codec->bytes_in / 1024, codec->bytes_out / 1024,
                codec->bytes_out ? (double)codec->bytes_in / (double)codec->bytes_out : 0.0);
        if (codec->encode_ns > 0)
            fprintf(file, " %10.1f %10.0f", milliseconds(codec->encode_ns),
                    (double)codec->bytes_in * 1e3 / (double)codec->encode_ns);
        fputc('\n', file);
    }
}

void spice_statistics_print(SpiceServer *server, FILE *file)
{
    int count;
    g_autofree SpiceDisplayStatistics *all = get(server, &count);

    for (int i = 0; i < count; i++) {
        const SpiceDisplayStatistics *one = &all[i];

        fprintf(file, "client %08x, display %u: %" PRIu64 " messages, %" PRIu64 " KiB\n",
                one->connection_id, one->channel_id, one->messages, one->bytes / 1024);
        fprintf(file,
                "  commands     %10" PRIu64 " drawn by the guest, %" PRIu64 " hidden, %" PRIu64
                " passed on; %" PRIu64 " pictures in place of others\n",
                one->commands, one->hidden, one->passed_on, one->pictures);
        fprintf(file, "  queue        %10u waiting (%" PRIu64 " KiB), given up %" PRIu64 " times\n",
                one->queue_length, one->queue_bytes / 1024, one->folded);
        if (one->acks > 0)
            fprintf(file, "  ACKs         %10.2f ms on average, %.2f ms at most\n",
                    milliseconds(mean_ack_ns(one)), milliseconds(one->ack_max_ns));
        print_codecs(one, file);
    }
    fflush(file);
}

unsigned spice_statistics_waiting(SpiceServer *server)
{
    int count;
    g_autofree SpiceDisplayStatistics *all = get(server, &count);
    unsigned waiting = 0;

    for (int i = 0; i < count; i++)
        waiting += all[i].queue_length;
    return waiting;
}

#else

bool spice_statistics_check(GError **error)
{
    g_set_error(error, CLI_ERROR, CLI_ERROR_FAILED,
                "this build uses the distribution's libspice-server, which keeps no statistics");
    return false;
}

json_t *spice_statistics_query(SpiceServer *server, GError **error)
{
    (void)server;
    spice_statistics_check(error);
    return NULL;
}

void spice_statistics_print(SpiceServer *server, FILE *file)
{
    (void)server;
    (void)file;
}

unsigned spice_statistics_waiting(SpiceServer *server)
{
    (void)server;
    return 0;
}

#endif

/*
 * Display channels in numbers. SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "spice/display_statistics.h"

#include "spice/client.h"
#include "spice/display_client.h"
#include "spice/server_state.h"
#include "spice/video_client.h"
#include "spice/worker.h"

/* By SPICE_VIDEO_CODEC_TYPE_*. */
static const char *const film_codecs[] = {NULL, "mjpeg", "vp8", "h264", "vp9", "h265"};

G_STATIC_ASSERT(G_N_ELEMENTS(film_codecs) == SPICE_VIDEO_CODEC_TYPE_ENUM_END);
G_STATIC_ASSERT(IMAGE_METHODS + G_N_ELEMENTS(film_codecs) <= SPICE_STATISTICS_MAX_CODECS);

static void add_codec(SpiceDisplayStatistics *statistics, const char *name,
                      const struct codec_count *count)
{
    statistics->codecs[statistics->codec_count++] = (SpiceCodecStatistics){
        .name = name,
        .images = count->images,
        .bytes_in = count->bytes_in,
        .bytes_out = count->bytes_out,
        .encode_ns = count->encode_ns,
    };
}

static void describe(const struct display_client *client, SpiceDisplayStatistics *statistics)
{
    const struct display *display = display_client_display(client);
    const struct display_statistics *own = &client->statistics;
    const struct channel_traffic *traffic = channel_client_traffic(&client->base);
    uint64_t commands = display->count.commands - client->before.commands;
    uint64_t drawn = display->count.drawn - client->before.drawn;

    *statistics = (SpiceDisplayStatistics){
        .connection_id = client->base.client->id,
        .channel_id = display->channel.id,
        .commands = commands,
        .hidden = commands - MIN(drawn, commands),
        .passed_on = own->passed_on,
        .pictures = own->pictures,
        .folded = own->folded,
        .messages = traffic->messages,
        .bytes = traffic->bytes,
        .queue_length = client->queue_drawables,
        .queue_bytes = client->queue_bytes,
        .acks = traffic->acks,
        .ack_ns = traffic->ack_ns,
        .ack_max_ns = traffic->ack_max_ns,
        .films = client->film_count,
        .film_frames_left_out = own->left_out,
        .film_frames_late = own->late,
        .film_bits_per_second = video_client_bits_per_second(client),
    };
    for (unsigned i = 0; i < IMAGE_METHODS; i++)
        add_codec(statistics, image_method_name(i), &own->codecs[i]);
    for (unsigned i = SPICE_VIDEO_CODEC_TYPE_MJPEG; i < G_N_ELEMENTS(film_codecs); i++)
        add_codec(statistics, film_codecs[i], &own->films[i]);
}

void display_add_statistics(const struct display *display, GArray *statistics)
{
    for (GList *l = display->channel.clients; l != NULL; l = l->next) {
        SpiceDisplayStatistics one;

        describe(l->data, &one);
        g_array_append_val(statistics, one);
    }
}

/* ---- For the host ---- */

struct question {
    const struct display *display;
    GArray *statistics;
};

static void answer(void *opaque)
{
    struct question *question = opaque;

    display_add_statistics(question->display, question->statistics);
}

int spice_server_get_display_statistics(SpiceServer *s, SpiceDisplayStatistics *statistics,
                                        int room)
{
    g_autoptr(GArray) all = g_array_new(FALSE, FALSE, sizeof(SpiceDisplayStatistics));

    for (GList *l = s->qxls; l != NULL; l = l->next) {
        struct display_worker *worker = worker_of(l->data);

        if (worker != NULL)
            event_loop_call(worker->loop, answer, &(struct question){&worker->display, all});
    }
    for (int i = 0; i < MIN(room, (int)all->len); i++)
        statistics[i] = g_array_index(all, SpiceDisplayStatistics, i);
    return (int)all->len;
}

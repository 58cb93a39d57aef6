/*
 * Choosing a rate. SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "spice/video_rate.h"

#include <glib.h>

static const uint8_t qualities[] = {20, 30, 40, 50, 60, 70, 80};

enum {
    FIRST_QUALITY = 3,
    MIN_SAMPLES = 3,       /* before a quality is judged */
    LATE_MS = -15,         /* a client whose frames are later has too little bandwidth */
    CUT_PAUSE_MS = 500,    /* between reductions: they take time to be felt */
    RAISE_PAUSE_MS = 1000, /* after any change */
    KNOWN_MS = 1500,       /* since the first frame: what is spent is no more too little */
    CHECK_MS = 1000,       /* frames that were replaced are counted for so long */
    FEW_PERCENT = 10,      /* losses below do not count */
};

#define MIN_LIMIT    (128 * 1024.0)
#define MAX_LIMIT    (400 * 1024 * 1024.0)
#define HEADROOM     0.9  /* of the limit may be used by a better quality */
#define STEP         1.35 /* frames of the next quality are that much larger, about */
#define BURST        0.5  /* seconds' worth that may be saved up */
#define MAX_INTERVAL 1.0
#define SMOOTH       0.125

void video_rate_init(struct video_rate *rate, double limit, int64_t now)
{
    *rate = (struct video_rate){
        .limit = CLAMP(limit, MIN_LIMIT, MAX_LIMIT),
        .interval = 1 / 30.0,
        .quality = FIRST_QUALITY,
        .counted = now,
        .changed = now,
        .checked = now,
    };
    rate->credit = rate->limit * BURST;
}

static void set_limit(struct video_rate *rate, double limit, int64_t now)
{
    rate->limit = CLAMP(limit, MIN_LIMIT, MAX_LIMIT);
    rate->credit = MIN(rate->credit, rate->limit * BURST);
    rate->changed = now;
}

/* What was really sent is where the bandwidth ends, not what might have been; once it is known. */
static void cut(struct video_rate *rate, double factor, int64_t now)
{
    double end = now - rate->began < KNOWN_MS * 1000 ? rate->limit : MAX(rate->spent, MIN_LIMIT);

    if (now - rate->changed < CUT_PAUSE_MS * 1000)
        return;
    set_limit(rate, MIN(rate->limit, end) * factor, now);
}

void video_rate_offer(struct video_rate *rate, bool replaced, int64_t now)
{
    if (rate->seen != 0) {
        double interval = MIN((now - rate->seen) / 1e6, MAX_INTERVAL);

        rate->interval += (interval - rate->interval) * SMOOTH;
    }
    rate->seen = now;
    if (rate->began == 0)
        return; /* it has waited for something else */
    rate->offered++;
    rate->replaced += replaced;
    if (now - rate->checked < CHECK_MS * 1000)
        return;
    if (rate->replaced * 100 > rate->offered * FEW_PERCENT)
        cut(rate, 0.9, now);
    rate->offered = rate->replaced = 0;
    rate->checked = now;
}

static void count(struct video_rate *rate, int64_t now)
{
    double elapsed = (now - rate->counted) / 1e6;

    rate->counted = now;
    rate->credit = MIN(rate->credit + rate->limit * elapsed, rate->limit * BURST);
    rate->spent -= rate->spent * MIN(elapsed, 1);
}

bool video_rate_admits(struct video_rate *rate, int64_t now)
{
    count(rate, now);
    return rate->credit > 0;
}

int video_rate_quality(const struct video_rate *rate)
{
    return qualities[rate->quality];
}

static void set_quality(struct video_rate *rate, unsigned quality, double factor)
{
    rate->quality = quality;
    rate->frame *= factor;
    rate->samples = 0;
}

void video_rate_sent(struct video_rate *rate, size_t size, int64_t now)
{
    double bits = size * 8.0, needed;

    count(rate, now);
    if (rate->began == 0)
        rate->began = rate->checked = now;
    rate->credit -= bits;
    rate->spent += bits;
    rate->frame += (bits - rate->frame) * (rate->samples == 0 ? 1 : 0.3);
    needed = rate->frame / rate->interval;
    if (++rate->samples < MIN_SAMPLES && needed < rate->limit * 2)
        return;
    if (needed > rate->limit && rate->quality > 0)
        set_quality(rate, rate->quality - 1, 1 / STEP);
    else if (needed * STEP < rate->limit * HEADROOM && rate->quality + 1 < G_N_ELEMENTS(qualities))
        set_quality(rate, rate->quality + 1, STEP);
}

uint32_t video_rate_frame_ms(const struct video_rate *rate)
{
    return (uint32_t)(MIN(rate->frame / rate->limit, 60) * 1000);
}

void video_rate_report(struct video_rate *rate, uint32_t frames, uint32_t drops, int32_t delay_ms,
                       int64_t now)
{
    uint64_t percent = frames > 0 ? (uint64_t)drops * 100 / frames : 0;

    count(rate, now);
    if (percent >= 50)
        cut(rate, 0.5, now);
    else if (percent >= FEW_PERCENT || delay_ms < LATE_MS)
        cut(rate, 0.75, now);
    else if (now - rate->changed >= RAISE_PAUSE_MS * 1000 && rate->spent > rate->limit / 2)
        set_limit(rate, rate->limit + MAX(rate->limit / 4, MIN_LIMIT), now);
}

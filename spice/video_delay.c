/*
 * Choosing a delay. SPDX-License-Identifier: LGPL-2.1-or-later
 */
#include "spice/video_delay.h"

#include "spice/play_delay.h"

#include <glib.h>

enum {
    HEADROOM_MS = 100, /* frames are not all alike */
    SETTLE_MS = 500, /* until a change is felt; reports on frames from before are about the past */
    LOOK_MS = 5000,  /* so long frames are too early before the delay shrinks, */
    SPARE_MS = 400,  /* by more than this */
};

static void change(struct video_delay *delay, uint32_t wanted, uint32_t now)
{
    delay->before = delay->wanted;
    delay->wanted = wanted;
    delay->changed = delay->looked = now;
    delay->spare = INT32_MAX;
}

/* Half of what is spare is given up, as frames that are waiting are then left out. */
static void shrink(struct video_delay *delay, int32_t early, uint32_t now)
{
    delay->spare = MIN(delay->spare, early);
    if (now - delay->looked < LOOK_MS)
        return;
    if (delay->spare > SPARE_MS) {
        uint32_t less = (uint32_t)delay->spare / 2;

        change(delay, delay->wanted > less + PLAY_DELAY_SOUND_MS ? delay->wanted - less : 0, now);
    }
    delay->looked = now;
    delay->spare = INT32_MAX;
}

bool video_delay_report(struct video_delay *delay, const struct video_report *report,
                        uint32_t explained, uint32_t now)
{
    bool is_past = delay->changed != 0 && (int32_t)(report->first - delay->changed) < SETTLE_MS;
    uint32_t held = MAX(is_past ? delay->before : delay->wanted, PLAY_DELAY_MS);
    int64_t needed;

    if (report->sound != VIDEO_NO_SOUND)
        held = MIN(report->sound, VIDEO_DELAY_MAX_MS);
    needed = (int64_t)held - report->early;
    if (is_past && needed <= delay->wanted)
        return report->early < 0 || report->drops > 0;
    if (report->early >= 0) {
        if (!is_past && delay->wanted > 0)
            shrink(delay, report->drops > 0 ? 0 : report->early, now);
        return false;
    }
    explained = MIN(explained, VIDEO_DELAY_MAX_MS);
    if (needed + HEADROOM_MS > delay->wanted && explained > delay->wanted)
        change(delay, (uint32_t)MIN(needed + HEADROOM_MS, explained), now);
    else
        return false;
    return needed <= delay->wanted;
}

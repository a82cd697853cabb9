/* SPDX-License-Identifier: Apache-2.0 */
/* cocos config show: the settings in force, and where each comes from. */
#include "cli.h"

static void add_json(json_t *all, const tool_setting *s, const char *value, const char *origin)
{
    json_object_set_new(all, s->name,
                        json_pack("{s:o, s:s}", "value",
                                  value ? tool_json_text(value) : json_null(), "origin", origin));
}

int cli_config_show(tool *t)
{
    int with_origin = tool_args_count(t->args, "origin") > 0;
    TOOL_CLEANUP(tool_json_freep) json_t *all = json_object();

    for (const tool_setting *s = t->settings; s->name; s++) {
        char origin_text[4200], clean[1024];
        enum tool_origin origin;
        const char *value;

        if (tool_setting_get(t, s->name, &value, &origin) < 0)
            return cocos_status_exit_code(COCOS_ERR_USAGE);
        tool_origin_text(t, origin, s, origin_text, sizeof origin_text);
        tool_clean(clean, sizeof clean, value ? value : "");
        if (t->json)
            add_json(all, s, value, origin_text);
        else if (with_origin)
            tool_print(t, "%s = %s  # %s\n", s->name, clean, origin_text);
        else
            tool_print(t, "%s = %s\n", s->name, clean);
    }
    if (t->json)
        tool_emit(t, json_incref(all));
    return 0;
}

/* SPDX-License-Identifier: MIT */
/* The paragraphs of dsml_words.c; the schemas of the tools stand between NAME and NAME_end. */
#ifndef DV_CHAT_DSML_H
#define DV_CHAT_DSML_H

extern const char dv_v32_tools[], dv_v32_tools_end[], dv_v4_tools[], dv_v4_tools_end[];
extern const char dv_v4_effort[];
extern const char dv_v31_calls[];

#define DV_DSML "｜DSML｜"

#endif

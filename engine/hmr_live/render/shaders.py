"""All GLSL 3.30 of the project, one constant a stage."""

from __future__ import annotations

from typing import Final

#: SMPL's forward pass for one vertex (Loper et al. 2015, equations 2 to 10), captured by
#: transform feedback.
SKIN_VERTEX: Final = """
#version 330
uniform mat4 transforms[24];
uniform vec3 transl;
uniform float betas[10];
uniform vec4 pose_feature[52];
uniform int vertex_count;
uniform int row_length;
uniform sampler2D shapedirs;
uniform sampler2D posedirs;

in vec3 rest;
in vec3 rest_normal;
in uvec4 joints_a;
in uvec4 joints_b;
in vec4 weights_a;
in vec4 weights_b;

out vec3 position;
out vec3 normal;

vec3 direction(sampler2D table, int k) {
    int texel = k * vertex_count + gl_VertexID;
    return texelFetch(table, ivec2(texel % row_length, texel / row_length), 0).rgb;
}

void main() {
    vec3 shaped = rest;
    for (int k = 0; k < 10; ++k) shaped += betas[k] * direction(shapedirs, k);
    for (int k = 0; k < 207; ++k) shaped += pose_feature[k / 4][k % 4] * direction(posedirs, k);
    mat4 blend = mat4(0.0);
    for (int i = 0; i < 4; ++i) {
        blend += weights_a[i] * transforms[joints_a[i]];
        blend += weights_b[i] * transforms[joints_b[i]];
    }
    position = (blend * vec4(shaped, 1.0)).xyz + transl;
    normal = mat3(blend) * rest_normal;
}
"""

#: A soft studio: a large key light from the upper left (wrapped diffuse, as skin and clay scatter
#: light), sky and floor fill, a cool rim from behind and a broad highlight.  Works in linear
#: light; the lights stand still relative to the viewer.
_STUDIO: Final = """
uniform vec3 base_color;

vec3 lit(vec3 view_position, vec3 view_normal) {
    vec3 n = normalize(view_normal);
    vec3 v = normalize(-view_position);
    vec3 key = normalize(vec3(-0.45, 0.75, 0.65));
    vec3 back = normalize(vec3(0.75, 0.35, -0.45));
    float wrapped = max((dot(n, key) + 0.30) / 1.30, 0.0);
    float sky = 0.5 + 0.5 * n.y;
    vec3 light = 1.02 * wrapped * wrapped * vec3(1.00, 0.96, 0.90)
               + mix(vec3(0.105, 0.080, 0.070), vec3(0.25, 0.28, 0.33), sky);
    float facing = max(dot(n, v), 0.0);
    float rim = pow(1.0 - facing, 3.0) * max(dot(n, back) + 0.35, 0.0);
    float shine = pow(max(dot(n, normalize(key + v)), 0.0), 22.0);
    vec3 linear = base_color * light * (0.72 + 0.28 * facing)
                + 0.10 * shine + 0.55 * rim * vec3(0.62, 0.80, 1.00);
    return pow(clamp(linear, 0.0, 1.0), vec3(1.0 / 2.2));
}
"""

#: With LIT_VERTICES the light is worked out at the vertices, which lie a few pixels apart, and not
#: at every pixel: for renderers whose shaders run on the CPU.
BODY_VERTEX: Final = f"""
#version 330
#if LIT_VERTICES
{_STUDIO}
out vec3 light;
#else
out vec3 view_position;
out vec3 view_normal;
#endif
uniform mat4 view;
uniform mat4 projection;
in vec3 position;
in vec3 normal;

void main() {{
    vec4 seen = view * vec4(position, 1.0);
#if LIT_VERTICES
    light = lit(seen.xyz, mat3(view) * normal);
#else
    view_position = seen.xyz;
    view_normal = mat3(view) * normal;
#endif
    gl_Position = projection * seen;
}}
"""

#: A body that lets a picture behind it shine through mixes with that picture here: blending would
#: need the whole body drawn a second time, so that no far side shows.
BODY_FRAGMENT: Final = f"""
#version 330
#if LIT_VERTICES
in vec3 light;
#else
{_STUDIO}
in vec3 view_position;
in vec3 view_normal;
#endif
uniform float opacity;
uniform bool over_picture;
uniform sampler2D picture;
uniform vec4 picture_place;  // left, bottom, width and height, pixels
out vec4 color;

void main() {{
#if LIT_VERTICES
    vec3 shade = clamp(light, 0.0, 1.0);  // at an edge it may come from beyond the triangle
#else
    vec3 shade = lit(view_position, view_normal);
#endif
    if (over_picture) {{
        vec2 uv = (gl_FragCoord.xy - picture_place.xy) / picture_place.zw;
        vec3 behind = texture(picture, vec2(uv.x, 1.0 - uv.y)).rgb;
        color = vec4(mix(behind, shade, opacity), 1.0);
    }} else {{
        color = vec4(shade, opacity);
    }}
}}
"""

#: Only that a body is there.
SILHOUETTE_FRAGMENT: Final = """
#version 330
out vec4 color;
void main() { color = vec4(1.0); }
"""

#: A rectangle over the whole viewport from four corner numbers, without any buffer.
IMAGE_VERTEX: Final = """
#version 330
out vec2 uv;
void main() {
    vec2 corner = vec2(gl_VertexID & 1, gl_VertexID >> 1);
    uv = vec2(corner.x, 1.0 - corner.y);
    gl_Position = vec4(2.0 * corner - 1.0, 0.0, 1.0);
}
"""

PICTURE_FRAGMENT: Final = """
#version 330
uniform sampler2D picture;
in vec2 uv;
out vec4 color;
void main() { color = texture(picture, uv); }
"""

#: As IMAGE_VERTEX, for a texture that was drawn into: its first row is the lowest.
COPY_VERTEX: Final = """
#version 330
out vec2 uv;
void main() {
    uv = vec2(gl_VertexID & 1, gl_VertexID >> 1);
    gl_Position = vec4(2.0 * uv - 1.0, 0.0, 1.0);
}
"""

#: Backdrop and floor in one pass over the viewport.  A plane seen in a picture is a homography of
#: it, so the floor's coordinates are linear over the picture but for one division.
FLOOR_VERTEX: Final = """
#version 330
uniform mat3 floor_homography;  // normalised device coordinates -> homogeneous (x, z)
out float height;
out vec3 spot;

void main() {
    vec2 corner = vec2(gl_VertexID & 1, gl_VertexID >> 1);
    height = corner.y;
    spot = floor_homography * vec3(2.0 * corner - 1.0, 1.0);
    gl_Position = vec4(2.0 * corner - 1.0, 0.0, 1.0);
}
"""

#: A line every metre and a fainter one every half metre, as wide as a pixel at any distance.
FLOOR_FRAGMENT: Final = """
#version 330
uniform vec3 top;
uniform vec3 bottom;
uniform vec3 floor_color;
uniform vec3 line_color;
uniform float extent;
in float height;
in vec3 spot;
out vec4 color;

void main() {
    vec3 backdrop = mix(bottom, top, height);
    vec2 ground = spot.xy / max(spot.z, 1e-4);  // beyond the horizon: very far away
    vec2 per_metre = 1.0 / max(fwidth(ground), 1e-5);  // pixels
    vec2 metre = 1.25 - abs(fract(ground - 0.5) - 0.5) * per_metre;
    vec2 half_metre = 1.0 - abs(fract(2.0 * ground - 0.5) - 0.5) * (0.5 * per_metre);
    vec2 line = clamp(max(metre, 0.45 * clamp(half_metre, 0.0, 1.0)), 0.0, 1.0)
              * clamp(0.25 * per_metre, 0.0, 1.0);
    float radius = length(ground) / extent;
    float drawn = max(line.x, line.y) * (1.0 - smoothstep(0.1, 0.8, radius));
    vec3 surface = mix(floor_color, line_color, drawn);
    color = vec4(mix(surface, backdrop, smoothstep(0.25, 1.0, radius)), 1.0);
}
"""

#: Shade under every body: each joint is a ball that hides a part of the sky from the floor.  It is
#: worked out at the vertices of a net on the floor, which is smooth enough.
SHADE_VERTEX: Final = """
#version 330
#define MAX_BALLS 112
uniform mat4 view;
uniform mat4 projection;
uniform vec4 balls[MAX_BALLS];
uniform int ball_count;
uniform float reach;  // metres
in vec2 place;        // in [-1, 1]
out float shade;

void main() {
    vec2 spot = reach * place;
    shade = 1.0;
    for (int i = 0; i < ball_count; ++i) {
        vec3 away = balls[i].xyz - vec3(spot.x, 0.0, spot.y);
        float distance2 = max(dot(away, away), 1e-4);
        float radius2 = balls[i].w * balls[i].w;
        float hidden = radius2 * max(away.y, 0.0) / (distance2 * sqrt(distance2));
        shade *= 1.0 - clamp(hidden, 0.0, 0.6);
    }
    gl_Position = projection * view * vec4(spot.x, 0.0, spot.y, 1.0);
}
"""

SHADE_FRAGMENT: Final = """
#version 330
in float shade;
out vec4 color;
void main() { color = vec4(vec3(shade), 1.0); }
"""

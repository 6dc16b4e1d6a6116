"""GLSL 3.30 of the synthetic people: one vertex stage, and skin, fabric and hair.

Everything is lit in linear light: a sun or lamp, wrapped a little around the body, and a sky and
floor that light from above and below.  The second output says whose pixel it is and how far away,
for masks and visibility.
"""

from __future__ import annotations

from typing import Final

VERTEX: Final = """
#version 330
uniform mat4 projection;
in vec3 position;
in vec3 normal;
in vec3 rest;
in vec3 rest_normal;
out vec3 v_position;
out vec3 v_normal;
out vec3 v_rest;
out vec3 v_rest_normal;

void main() {
    v_position = position;
    v_normal = normal;
    v_rest = rest;
    v_rest_normal = rest_normal;
    gl_Position = projection * vec4(position, 1.0);
}
"""

#: Depth alone, from the lamp.
SHADOW_VERTEX: Final = """
#version 330
uniform mat4 projection;
in vec3 position;
void main() { gl_Position = projection * vec4(position, 1.0); }
"""

SHADOW_FRAGMENT: Final = """
#version 330
void main() {}
"""

_COMMON: Final = """
#version 330
uniform sampler2D noise;
uniform sampler2DShadow shadows;
uniform mat4 to_shadows;
uniform float shade;       // how dark shadows are, 0 to 1
uniform vec3 lamp_direction;
uniform vec3 lamp_color;
uniform vec3 sky_color;
uniform vec3 floor_color;
uniform vec3 up;
uniform float owner;
uniform float middle_depth;
in vec3 v_position;
in vec3 v_normal;
in vec3 v_rest;
in vec3 v_rest_normal;
layout(location = 0) out vec4 color;
layout(location = 1) out vec4 facts;

// Share of the lamp that arrives: four taps, two centimetres of tolerance.
float lamp_share(vec3 n) {
    if (shade <= 0.0) return 1.0;
    vec3 place = (to_shadows * vec4(v_position + 0.015 * n + 0.012 * lamp_direction, 1.0)).xyz;
    if (any(lessThan(place.xy, vec2(0.0))) || any(greaterThan(place.xy, vec2(1.0)))) return 1.0;
    vec2 step_size = 0.7 / vec2(textureSize(shadows, 0));
    float open = texture(shadows, place + vec3(step_size * vec2(-1, -0.4), 0.0))
               + texture(shadows, place + vec3(step_size * vec2(0.4, -1), 0.0))
               + texture(shadows, place + vec3(step_size * vec2(1, 0.4), 0.0))
               + texture(shadows, place + vec3(step_size * vec2(-0.4, 1), 0.0));
    return 1.0 - shade * (1.0 - 0.25 * open);
}

vec3 lit(vec3 albedo, vec3 n, float wrap, float gloss, float sharpness) {
    vec3 eye = normalize(-v_position);
    float diffuse = max((dot(n, lamp_direction) + wrap) / (1.0 + wrap), 0.0);
    diffuse *= diffuse > 0.0 ? lamp_share(n) : 1.0;
    vec3 ambient = mix(floor_color, sky_color, 0.5 + 0.5 * dot(n, up));
    // Grazing surfaces see less of the room: cheap ambient occlusion.
    ambient *= 0.65 + 0.35 * abs(dot(n, eye));
    float shine = pow(max(dot(n, normalize(lamp_direction + eye)), 0.0), sharpness) * gloss;
    return albedo * (ambient + lamp_color * diffuse) + lamp_color * shine * min(diffuse * 4.0, 1.0);
}

void finish(vec3 linear) {
    color = vec4(pow(clamp(linear, 0.0, 1.0), vec3(1.0 / 2.2)), 1.0);
    facts = vec4(owner, clamp((v_position.z - middle_depth) * 0.5 + 0.5, 0.0, 1.0), 0.0, 1.0);
}

float wave(vec2 at) { return texture(noise, at).b - 0.5; }
"""

#: Skin with a painted face: eyes, brows, lips, beard shadow.
SKIN: Final = (
    _COMMON
    + """
uniform vec3 skin;
uniform vec3 lips;
uniform vec3 iris;
uniform vec3 hair;
uniform vec4 face;        // x of the eyes, y of the eyes, y of the mouth, z of the face's front
uniform float brow;       // strength
uniform float beard;      // strength

void main() {
    vec3 n = normalize(gl_FrontFacing ? v_normal : -v_normal);
    vec3 albedo = skin * (1.0 + 0.12 * wave(v_rest.xy + 0.7 * v_rest.z));
    float gloss = 0.06;
    float front = smoothstep(0.0, 0.03, v_rest.z - face.w);
    if (front > 0.0 && v_rest.y > face.z - 0.08) {
        vec2 eye = vec2(abs(v_rest.x) - face.x, v_rest.y - face.y);
        float across = length(eye * vec2(1.0, 1.9));
        vec3 ball = length(eye) < 0.0030 ? vec3(0.01) : length(eye) < 0.0072 ? iris : vec3(0.66);
        // Lids cover the upper and lower parts of the eyeball.
        if (eye.y > 0.0052 - 12.0 * eye.x * eye.x || eye.y < -0.0060 + 12.0 * eye.x * eye.x)
            ball = albedo * vec3(0.80, 0.72, 0.70);
        float rim = 1.0 - smoothstep(0.014, 0.020, across);
        albedo = mix(albedo, albedo * vec3(0.55, 0.42, 0.40), rim);
        if (across < 0.0135) { albedo = ball; gloss = 0.35; }
        vec2 arch = vec2(eye.x, eye.y - 0.020 + 5.0 * eye.x * eye.x);
        float line = 1.0 - smoothstep(0.6, 1.2, length(arch / vec2(0.020, 0.0045)));
        albedo = mix(albedo, hair, line * brow);
        vec2 mouth = vec2(v_rest.x, v_rest.y - face.z);
        float lip = 1.0 - smoothstep(0.8, 1.1, length(mouth / vec2(0.025, 0.0095)));
        albedo = mix(albedo, lips, lip * front * 0.8);
        albedo *= 1.0 - 0.6 * lip * (1.0 - smoothstep(0.0006, 0.0022, abs(mouth.y)));
        // Cheeks and nose are redder.
        float from_nose = length(v_rest.xy - vec2(0.0, 0.5 * (face.y + face.z)));
        albedo *= mix(vec3(1.0), vec3(1.08, 0.95, 0.93), smoothstep(0.05, 0.0, from_nose));
    }
    float jaw = smoothstep(face.z + 0.035, face.z + 0.005, v_rest.y + 0.25 * abs(v_rest.x))
              * smoothstep(face.z - 0.105, face.z - 0.06, v_rest.y)
              * smoothstep(0.0, 0.02, v_rest.z - face.w + 0.07);
    albedo = mix(albedo, hair, beard * jaw * (0.8 + 0.8 * wave(v_rest.xy * 40.0)));
    finish(lit(albedo, n, 0.25, gloss, 24.0));
}
"""
)

#: A garment: a photographed fabric laid on from three sides of the rest pose, with folds.
FABRIC: Final = (
    _COMMON
    + """
uniform sampler2D fabric;
uniform vec3 tint;
uniform float scale;       // metres that the patch spans
uniform vec2 shift;
uniform float folds;
uniform float gloss;
uniform vec4 bounds;       // low y, high y, low |x|, high |x| in the rest pose
uniform vec3 neck;         // y at the middle, rise with |x|, rise with z
uniform float ragged;

// Mirrored at its borders, where a photographed patch would not fit to itself.
vec3 cloth(vec2 at) {
    vec2 size = vec2(textureSize(fabric, 0));
    vec2 place = abs(mod(at / scale * vec2(1.0, size.x / size.y) + shift, 2.0) - 1.0);
    return pow(texture(fabric, place * 0.98 + 0.01).rgb, vec3(2.2));
}

void main() {
    float side = abs(v_rest.x);
    float edge = ragged * wave(v_rest.xz * 1.3 + shift);
    if (v_rest.y < bounds.x + edge || v_rest.y > bounds.y || side < bounds.z
        || side > bounds.w + 0.5 * edge
        || v_rest.y > neck.x + neck.y * side + neck.z * v_rest.z) discard;
    vec3 w = pow(abs(v_rest_normal), vec3(3.0));
    w /= w.x + w.y + w.z;
    vec3 albedo = tint * (w.z * cloth(v_rest.xy) + w.x * cloth(v_rest.zy) + w.y * cloth(v_rest.xz));
    vec2 at = vec2(v_rest.x + 0.7 * v_rest.z, v_rest.y);
    vec3 dent = texture(noise, at * vec2(1.9, 1.1) + shift).rgb
              + 0.35 * texture(noise, at.yx * vec2(3.1, 4.3) + shift).rgb - 0.675;
    vec3 n = normalize((gl_FrontFacing ? v_normal : -v_normal) + folds * dent);
    albedo *= gl_FrontFacing ? 1.0 : 0.35;
    albedo *= 1.0 + 0.4 * folds * dent.b;
    finish(lit(albedo, n, 0.10, gloss, 12.0));
}
"""
)

#: Hair, and soft hats: strands run down from the crown.
HAIR: Final = (
    _COMMON
    + """
uniform vec3 hair;
uniform vec3 tips;
uniform float strands;
uniform vec4 line;         // plane in the rest pose: dot(line.xyz, rest) > line.w is hair
uniform vec3 crown;
uniform float ragged;

void main() {
    vec3 from_crown = v_rest - crown;
    float turn = atan(from_crown.x, -from_crown.z);
    float edge = ragged * (wave(vec2(turn * 0.4, 0.3)) + 0.5 * wave(vec2(turn * 1.5, 0.7)));
    vec3 place = vec3(abs(v_rest.x), v_rest.yz);
    if (dot(line.xyz, place) < line.w + edge) discard;
    float strand = wave(vec2(turn * 4.0, v_rest.y * 1.5))
                 + 0.7 * wave(vec2(turn * 11.0, v_rest.y * 2.0));
    vec3 albedo = mix(hair, tips, clamp(-from_crown.y * 2.5, 0.0, 1.0));
    albedo *= 1.0 + 0.8 * strands * strand;
    vec3 n = normalize((gl_FrontFacing ? v_normal : -v_normal)
                       + strands * 0.5 * vec3(strand, 0.0, wave(vec2(turn * 7.0, v_rest.y))));
    albedo *= gl_FrontFacing ? 1.0 : 0.4;
    finish(lit(max(albedo, 0.0), n, 0.15, 0.10 * strands, 10.0));
}
"""
)

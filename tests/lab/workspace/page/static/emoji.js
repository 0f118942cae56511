// Emoji by the names that Slack gives them: the common ones. Circles, squares and the grey signs
// are drawn, so that what the app speaks with needs no font and is seen on light and dark ground.

import { h } from "./dom.js";

const TABLE = `
grinning 😀 smiley 😃 smile 😄 grin 😁 laughing 😆 sweat_smile 😅 joy 😂 rofl 🤣 blush 😊 slightly_smiling_face 🙂
upside_down_face 🙃 wink 😉 relaxed ☺️ heart_eyes 😍 kissing_heart 😘 yum 😋 stuck_out_tongue 😛 sunglasses 😎
nerd_face 🤓 thinking_face 🤔 neutral_face 😐 expressionless 😑 no_mouth 😶 smirk 😏 unamused 😒 face_with_rolling_eyes 🙄
grimacing 😬 relieved 😌 pensive 😔 sleepy 😪 sleeping 😴 mask 😷 dizzy_face 😵 confused 😕 worried 😟 open_mouth 😮
astonished 😲 flushed 😳 cry 😢 sob 😭 scream 😱 sweat 😓 weary 😩 tired_face 😫 triumph 😤 rage 😡 angry 😠
skull 💀 ghost 👻 alien 👽 robot_face 🤖 poop 💩 clown_face 🤡 partying_face 🥳 exploding_head 🤯 hugging_face 🤗
+1 👍 thumbsup 👍 -1 👎 thumbsdown 👎 ok_hand 👌 wave 👋 clap 👏 raised_hands 🙌 pray 🙏 muscle 💪 point_up ☝️
point_down 👇 point_left 👈 point_right 👉 raised_hand ✋ handshake 🤝 eyes 👀 eye 👁️ brain 🧠 bow 🙇 shrug 🤷 facepalm 🤦
heart ❤️ broken_heart 💔 sparkling_heart 💖 star ⭐ star2 🌟 sparkles ✨ zap ⚡ fire 🔥 boom 💥 collision 💥 dizzy 💫
sweat_drops 💦 droplet 💧 snowflake ❄️ sunny ☀️ cloud ☁️ umbrella ☔ rainbow 🌈 ocean 🌊 moon 🌔 earth_asia 🌏
tada 🎉 confetti_ball 🎊 balloon 🎈 gift 🎁 trophy 🏆 medal 🏅 dart 🎯 rocket 🚀 airplane ✈️ car 🚗 truck 🚚 train 🚆
construction 🚧 rotating_light 🚨 traffic_light 🚥 vertical_traffic_light 🚦 anchor ⚓ house 🏠 office 🏢 hospital 🏥 factory 🏭
computer 💻 desktop_computer 🖥️ keyboard ⌨️ printer 🖨️ phone ☎️ telephone ☎️ iphone 📱 satellite 🛰️ satellite_antenna 📡
battery 🔋 electric_plug 🔌 bulb 💡 flashlight 🔦 candle 🕯️ wrench 🔧 hammer 🔨 hammer_and_wrench 🛠️ gear ⚙️ nut_and_bolt 🔩
link 🔗 chains ⛓️ lock 🔒 unlock 🔓 lock_with_ink_pen 🔏 closed_lock_with_key 🔐 key 🔑 old_key 🗝️ shield 🛡️
floppy_disk 💾 cd 💿 minidisc 💽 file_cabinet 🗄️ card_index_dividers 🗂️ file_folder 📁 open_file_folder 📂 page_facing_up 📄
page_with_curl 📃 scroll 📜 clipboard 📋 memo 📝 pencil 📝 pencil2 ✏️ pushpin 📌 round_pushpin 📍 paperclip 📎 scissors ✂️
bar_chart 📊 chart_with_upwards_trend 📈 chart_with_downwards_trend 📉 calendar 📆 spiral_calendar_pad 🗓️ date 📅
package 📦 inbox_tray 📥 outbox_tray 📤 email ✉️ envelope ✉️ incoming_envelope 📨 mailbox 📫 bell 🔔 no_bell 🔕 mega 📣
loudspeaker 📢 speech_balloon 💬 thought_balloon 💭 mag 🔍 mag_right 🔎 hourglass ⌛ hourglass_flowing_sand ⏳ watch ⌚
alarm_clock ⏰ stopwatch ⏱️ timer_clock ⏲️ clock1 🕐 clock3 🕒 clock9 🕘 clock12 🕛 zzz 💤 coffee ☕ tea 🍵 beer 🍺 beers 🍻
pizza 🍕 cake 🍰 apple 🍎 bug 🐛 ant 🐜 bee 🐝 snail 🐌 turtle 🐢 snake 🐍 penguin 🐧 whale 🐳 dog 🐶 cat 🐱 fox_face 🦊
warning ⚠️ no_entry ⛔ no_entry_sign 🚫 x ❌ heavy_multiplication_x ✖️ o ⭕ white_check_mark ✅ heavy_check_mark ✔️
ballot_box_with_check ☑️ question ❓ grey_question ❔ exclamation ❗ grey_exclamation ❕ heavy_exclamation_mark ❗ bangbang ‼️
interrobang ⁉️ information_source ℹ️ sos 🆘 stop_sign 🛑 octagonal_sign 🛑 radioactive_sign ☢️ recycle ♻️ infinity ♾️
arrow_up ⬆️ arrow_down ⬇️ arrow_left ⬅️ arrow_right ➡️ arrow_upper_right ↗️ arrow_lower_right ↘️ arrow_up_down ↕️
left_right_arrow ↔️ arrows_counterclockwise 🔄 arrows_clockwise 🔃 leftwards_arrow_with_hook ↩️ arrow_right_hook ↪️
rewind ⏪ fast_forward ⏩ arrow_forward ▶️ arrow_backward ◀️ double_vertical_bar ⏸️ black_square_for_stop ⏹️
black_circle_for_record ⏺️ repeat 🔁 heavy_plus_sign ➕ heavy_minus_sign ➖ heavy_division_sign ➗ 100 💯 1234 🔢 abc 🔤
new 🆕 ok 🆗 up 🆙 cool 🆒 free 🆓 vs 🆚 id 🆔 checkered_flag 🏁 triangular_flag_on_post 🚩 jp 🇯🇵 us 🇺🇸 de 🇩🇪
zero 0️⃣ one 1️⃣ two 2️⃣ three 3️⃣ four 4️⃣ five 5️⃣ six 6️⃣ seven 7️⃣ eight 8️⃣ nine 9️⃣ keycap_ten 🔟 hash #️⃣
small_red_triangle 🔺 small_red_triangle_down 🔻 small_orange_diamond 🔸 small_blue_diamond 🔹 large_orange_diamond 🔶
large_blue_diamond 🔷 radio_button 🔘 white_small_square ▫️ black_small_square ▪️ globe_with_meridians 🌐 compass 🧭
toolbox 🧰 magnet 🧲 test_tube 🧪 dna 🧬 fire_extinguisher 🧯 ring_buoy 🛟 broom 🧹 soap 🧼 bricks 🧱 thread 🧵 detective 🕵️
`;
const NAMES = new Map();
const pieces = TABLE.trim().split(/\s+/);
for (let at = 0; at < pieces.length; at += 2) NAMES.set(pieces[at], pieces[at + 1]);

const COLOURS = ["red", "orange", "yellow", "green", "blue", "purple", "brown", "black", "white"];
const CHARACTERS = { circle: [..."🔴🟠🟡🟢🔵🟣🟤⚫⚪"], square: [..."🟥🟧🟨🟩🟦🟪🟫⬛⬜"] };
const DRAWN = new Map();
for (const [shape, characters] of Object.entries(CHARACTERS)) {
  COLOURS.forEach((colour, at) => {
    for (const name of [`large_${colour}_${shape}`, `${colour}_${shape}`]) {
      DRAWN.set(name, [shape, colour]);
      NAMES.set(name, characters[at]);
    }
  });
}
for (const name of ["question", "exclamation"]) DRAWN.set(`grey_${name}`, ["sign", name, name === "question" ? "?" : "!"]);
const NAMED = /:([a-z0-9_+'-]+(?:::skin-tone-[2-6])?):/g;

/** An emoji as Slack shows it; as text with its colons where the name is not known, which Slack does too. */
export function emoji(name) {
  const plain = name.split("::")[0];
  const said = plain.replaceAll("_", " ");
  if (DRAWN.has(plain)) {
    const [shape, colour, sign] = DRAWN.get(plain);
    return h("span", { class: `emoji ${shape} ${colour}`, role: "img", "aria-label": said, title: `:${plain}:` }, sign);
  }
  if (!NAMES.has(plain)) return `:${name}:`;
  return h("span", { class: "emoji", role: "img", "aria-label": said, title: `:${plain}:` }, NAMES.get(plain));
}

/** Text with emoji by name in it, nothing else. */
export const withEmoji = (text) => text.split(NAMED).map((piece, at) => (at % 2 ? emoji(piece) : piece));

/** The same where only characters can stand: in the options of a menu. */
export const asCharacters = (text) => text.replace(NAMED, (whole, name) => NAMES.get(name.split("::")[0]) ?? whole);

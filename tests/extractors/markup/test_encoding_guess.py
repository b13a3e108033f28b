"""Text that does not state its encoding: short and long, in the alphabets that share bytes."""

from __future__ import annotations

import pytest

from extractors.markup.encoding import decode_text

TEXTS = {
    "cp1252": (
        "Die Pumpe läuft heiß und muss geprüft werden: 20 °C, 5 µm, 20 € – „günstig“.",
        "La pompe à chaleur est près de la façade. Ça coûte 20 €, même à Noël : l’été.",
        "La bomba está dañada. ¿Qué pasó mañana?",
        "A bomba não é limpa há três meses, após a inspeção.",
        "Pumpen må rengjøres hver uke; la filteret tørke før du setter det på plass.",
        "Pumpen måste rengöras varje vecka.",
        "Pumppu täytyy puhdistaa. Käytä kylmää vettä.",
        "De pomp is geïnstalleerd; dat is één van de taken.",
        "Straße",
    ),
    "cp1250": (
        "Čerpadlo je třeba čistit každý týden.",
        "Pompę należy czyścić co tydzień.",
        "A szűrőt meg kell tisztítani.",
    ),
    "cp1251": ("Насос нужно чистить каждую неделю.", "Привет"),
    "koi8-r": ("Насос нужно чистить каждую неделю.",),
    "cp1253": ("Η αντλία πρέπει να καθαρίζεται κάθε εβδομάδα.",),
    "cp1254": ("Pompa her hafta temizlenmelidir. Soğuk su kullanın, şişeyi yıkayın.",),
    "cp1255": ("יש לנקות את המשאבה מדי שבוע. השתמשו במים קרים.",),
    "cp1256": ("يجب تنظيف المضخة كل أسبوع. استخدم الماء البارد.",),
    "shift_jis": ("ポンプは毎週清掃する必要があります。",),
    "euc_jp": ("ポンプは毎週清掃する必要があります。",),
    "euc_kr": ("펌프는 매주 청소해야 합니다.",),
    "gb2312": ("水泵手册", "水泵需要每周清洁一次。"),
    "big5": ("水泵需要每週清潔一次。請使用冷水。",),
}


@pytest.mark.parametrize(("encoding", "text"), [(name, text) for name, texts in TEXTS.items() for text in texts])
def test_encoding_is_guessed_by_the_letters_of_a_language(encoding: str, text: str) -> None:
    assert decode_text(text.encode(encoding), "a.txt") == text


def test_unicode_with_a_broken_character_stays_unicode() -> None:
    assert (
        decode_text("Öffnen Sie die Tür für Müller".encode() + b"\xc3", "a.txt")
        == "Öffnen Sie die Tür für Müller\ufffd"
    )

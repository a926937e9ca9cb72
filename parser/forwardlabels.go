package parser

import "strings"

// headerLabels are the labels of a quoted header in the languages of common mail programs, by what they mean.
var headerLabels = func() map[string]string {
	labels := map[string]string{}
	for _, of := range [][2]string{
		{"from", `from|von|de|da|van|från|fra|od|lähettäjä|avsändare|avsender|afsender|expéditeur|remitente|remetente|mittente|nadawca
			|寄件者|寄件人|发件人|發件人|差出人|送信者|보낸 사람|보낸사람|от|от кого|від|від кого|kimden|gönderen|feladó|από|מאת|من|จาก|từ|dari
			|de la|nuo|saatja|no|pošiljatelj|odosielateľ|odesílatel|odesilatel|frá`},
		{"subject", `subject|betreff|asunto|objet|oggetto|onderwerp|assunto|ämne|emne|temat|aihe|主旨|主题|主題|件名|제목|тема|konu|předmět
			|predmet|tárgy|θέμα|נושא|الموضوع|เรื่อง|chủ đề|subjek|perihal|subiect|assumpte|zadeva|tema|teema|temats|efni|naslov`},
		{"other", `sent|date|to|cc|bcc|reply-to|importance|sent by|attachments|gesendet|datum|an|kopie|antwort an|envoyé|envoyé par|à|cci|enviado|enviado el
			|enviada em|fecha|para|inviato|data|a|verzonden|aan|skickat|till|sendt|dato|til|wysłano|do|dw|寄件日期|日期|收件者|收件人|副本
			|发送时间|发送日期|时间|時間|抄送|送信日時|日時|日付|宛先|보낸 날짜|날짜|받는 사람|받는사람|참조|отправлено|дата|кому|копия|надіслано|копія
			|gönderilme|gönderildi|tarih|kime|bilgi|elküldve|dátum|címzett|lähetetty|päivämäärä|päiväys|vastaanottaja|kopio|odesláno|komu|odoslané|στάλθηκε
			|ημερομηνία|προς|κοιν|נשלח|תאריך|אל|تاريخ|التاريخ|إلى|تم الإرسال|ส่ง|วันที่|ถึง|đã gửi|ngày|đến|dikirim|tanggal|kepada|trimis|dată|către|poslano|za
			|sendur|dags|wichtigkeit|priorität|importancia|importance|belang`},
	} {
		for word := range strings.SplitSeq(of[1], "|") {
			labels[strings.TrimSpace(word)] = of[0]
		}
	}
	return labels
}()
